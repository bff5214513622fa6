//! The schema is current, sound, and judges manifests as the reader does.
