//! A baseline JPEG encoder that is quick with fields of one colour.
//!
//! Our own because the one of `image` is generic, hence compiled with this crate: in an unoptimised
//! build it took 200 ms for 1360x768 and 800 ms for 2720x1536, of which nearly all went into blocks of
//! a single colour. Those need no transform: their first coefficient is the colour, the others are 0.
//!
//! ITU T.81, sequential Huffman, no subsampling; one quantisation and one pair of code tables for all
//! three components.

use super::canvas::Canvas;

const SIDE: usize = 8;
const COMPONENTS: usize = 3;
const LABEL: &[u8] = b"Painted by a rehearsal; no model made this.";

/// Luminance quantisation at quality 50 (T.81, table K.1).
const QUANTISATION: [u32; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113,
    92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
];

/// Where the n-th coefficient in zigzag order stands in a block.
const ZIGZAG: [usize; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// How many codes there are of each length, 1 to 16 bits (T.81, tables K.3 and K.5).
const DC_LENGTHS: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const AC_LENGTHS: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125];
const END_OF_BLOCK: u8 = 0x00;
const SIXTEEN_ZEROS: u8 = 0xF0;

/// A file in the making, fed from the top down.
pub(super) struct Jpeg {
    bytes: Vec<u8>,
    bits: Bits,
    table: [i32; 64],
    dc: Codes,
    ac: Codes,
    /// The first coefficients of the block before.
    previous: [i32; COMPONENTS],
    /// The colour of the last flat block, with its first coefficients.
    flat: Option<([u8; 3], [i32; COMPONENTS])>,
}

impl Jpeg {
    /// Begins a file; quality runs from 1 to 100, as usual.
    pub(super) fn new(width: usize, height: usize, quality: u8) -> Self {
        let table = quantisation(quality);
        Self {
            bytes: header(width, height, &table),
            bits: Bits::default(),
            table,
            dc: Codes::new(&DC_LENGTHS, &dc_symbols()),
            ac: Codes::new(&AC_LENGTHS, &ac_symbols()),
            previous: [0; COMPONENTS],
            flat: None,
        }
    }

    /// Adds the rows of a canvas, which have to follow those before and begin on a block's edge.
    pub(super) fn add(&mut self, canvas: &Canvas) {
        for y in canvas.rows().step_by(SIDE) {
            for x in (0..canvas.width()).step_by(SIDE) {
                match flat(canvas, x, y) {
                    Some(colour) => self.put_flat(colour),
                    None => self.put_blocks(&mut blocks(canvas, x, y)),
                }
            }
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.extend(self.bits.finish());
        self.bytes.extend([0xFF, 0xD9]);
        self.bytes
    }

    fn put_flat(&mut self, colour: [u8; 3]) {
        let firsts = match self.flat {
            Some((known, firsts)) if known == colour => firsts,
            _ => flat_firsts(colour, self.table[0]),
        };
        self.flat = Some((colour, firsts));
        for (component, first) in firsts.into_iter().enumerate() {
            self.put_first(component, first);
            self.bits.put_symbol(&self.ac, END_OF_BLOCK);
        }
    }

    fn put_blocks(&mut self, blocks: &mut [[i32; 64]; COMPONENTS]) {
        for (component, block) in blocks.iter_mut().enumerate() {
            if block[1..] == block[..63] {
                self.put_first(component, divided(block[0] * 64, self.table[0] * 8));
                self.bits.put_symbol(&self.ac, END_OF_BLOCK);
                continue;
            }
            transform(block);
            let coefficients = quantised(block, &self.table);
            self.put_first(component, coefficients[0]);
            self.bits.put_others(&self.ac, &coefficients[1..]);
        }
    }

    fn put_first(&mut self, component: usize, first: i32) {
        self.bits
            .put_difference(&self.dc, first - self.previous[component]);
        self.previous[component] = first;
    }
}

fn quantisation(quality: u8) -> [i32; 64] {
    let quality = u32::from(quality.clamp(1, 100));
    let scale = if quality < 50 {
        5000 / quality
    } else {
        200 - 2 * quality
    };
    QUANTISATION.map(|step| {
        let scaled = ((step * scale + 50) / 100).clamp(1, 255);
        i32::try_from(scaled).unwrap_or(255)
    })
}

fn header(width: usize, height: usize, table: &[i32; 64]) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0xD8];
    let jfif = [b'J', b'F', b'I', b'F', 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];
    segment(&mut bytes, 0xE0, &jfif);
    segment(&mut bytes, 0xFE, LABEL);
    let steps = ZIGZAG.map(|place| u8::try_from(table[place]).unwrap_or(u8::MAX));
    segment(&mut bytes, 0xDB, &[&[0][..], &steps].concat());
    let side = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    let (height, width) = (side(height), side(width));
    let components = [[1, 0x11, 0], [2, 0x11, 0], [3, 0x11, 0]].concat();
    segment(
        &mut bytes,
        0xC0,
        &[&[8][..], &height, &width, &[3], &components].concat(),
    );
    segment(
        &mut bytes,
        0xC4,
        &[&[0x00][..], &DC_LENGTHS, &dc_symbols()].concat(),
    );
    segment(
        &mut bytes,
        0xC4,
        &[&[0x10][..], &AC_LENGTHS, &ac_symbols()].concat(),
    );
    segment(&mut bytes, 0xDA, &[3, 1, 0, 2, 0, 3, 0, 0, 63, 0]);
    bytes
}

fn segment(bytes: &mut Vec<u8>, marker: u8, content: &[u8]) {
    let length = u16::try_from(content.len() + 2).unwrap_or(u16::MAX);
    bytes.extend([0xFF, marker]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(content);
}

/// Gives the colour of a block that has but one.
fn flat(canvas: &Canvas, x: usize, y: usize) -> Option<[u8; 3]> {
    if x + SIDE > canvas.width() || y + SIDE > canvas.rows().end {
        return None;
    }
    let first = canvas.row(x, y, SIDE);
    let one_colour = first[..first.len() - 3] == first[3..];
    let alike = one_colour && (y + 1..y + SIDE).all(|y| canvas.row(x, y, SIDE) == first);
    alike.then(|| [first[0], first[1], first[2]])
}

fn flat_firsts(colour: [u8; 3], step: i32) -> [i32; COMPONENTS] {
    components(&colour).map(|value| divided(value * 64, step * 8))
}

/// Gives luminance and the two colour differences, each about 0 (JFIF's matrix times 2^16).
fn components(pixel: &[u8]) -> [i32; COMPONENTS] {
    if pixel[0] == pixel[1] && pixel[1] == pixel[2] {
        return [i32::from(pixel[0]) - 128, 0, 0];
    }
    let (red, green, blue) = (
        i32::from(pixel[0]),
        i32::from(pixel[1]),
        i32::from(pixel[2]),
    );
    let half = 1 << 15;
    [
        ((19_595 * red + 38_470 * green + 7_471 * blue + half) >> 16) - 128,
        ((32_768 * blue - 11_059 * red - 21_709 * green + half) >> 16).min(127),
        ((32_768 * red - 27_439 * green - 5_329 * blue + half) >> 16).min(127),
    ]
}

/// Cuts a block out of each component; beyond the edge the last pixel goes on.
fn blocks(canvas: &Canvas, x: usize, y: usize) -> [[i32; 64]; COMPONENTS] {
    let mut blocks = [[0; 64]; COMPONENTS];
    let width = SIDE.min(canvas.width() - x);
    for row in 0..SIDE {
        let pixels = canvas.row(x, (y + row).min(canvas.rows().end - 1), width);
        for column in 0..SIDE {
            let start = column.min(width - 1) * 3;
            let [luminance, blue, red] = components(&pixels[start..start + 3]);
            let place = row * SIDE + column;
            blocks[0][place] = luminance;
            blocks[1][place] = blue;
            blocks[2][place] = red;
        }
    }
    blocks
}

/// Replaces a block by its cosine transform, eight times too large.
fn transform(block: &mut [i32; 64]) {
    for row in 0..SIDE {
        pass(block, row * SIDE, 1, 0);
    }
    for column in 0..SIDE {
        pass(block, column, SIDE, FRACTION_BITS);
    }
}

/// Bits kept after the point between the two passes.
const FRACTION_BITS: u32 = 2;
const CONSTANT_BITS: u32 = 13;

/// Transforms eight values in place, by the factors of Loeffler, Ligtenberg and Moschytz (2^13 = 1).
fn pass(block: &mut [i32; 64], start: usize, step: usize, drop_bits: u32) {
    let at = |n: usize| start + n * step;
    let sum = |a: usize, b: usize| block[at(a)] + block[at(b)];
    let difference = |a: usize, b: usize| block[at(a)] - block[at(b)];
    let [outer, second, third, inner] = [sum(0, 7), sum(1, 6), sum(2, 5), sum(3, 4)];
    let [d7, d6, d5, d4] = [
        difference(0, 7),
        difference(1, 6),
        difference(2, 5),
        difference(3, 4),
    ];

    let (even0, even3) = (outer + inner, outer - inner);
    let (even1, even2) = (second + third, second - third);
    let rotated = (even2 + even3) * 4_433;
    let shared = (d4 + d6 + d5 + d7) * 9_633;
    let (z1, z2) = ((d4 + d7) * -7_373, (d5 + d6) * -20_995);
    let (z3, z4) = ((d4 + d6) * -16_069 + shared, (d5 + d7) * -3_196 + shared);
    let whole = 1 << CONSTANT_BITS;
    let results = [
        (even0 + even1) * whole,
        d7 * 12_299 + z1 + z4,
        rotated + even3 * 6_270,
        d6 * 25_172 + z2 + z3,
        (even0 - even1) * whole,
        d5 * 16_819 + z2 + z4,
        rotated - even2 * 15_137,
        d4 * 2_446 + z1 + z3,
    ];
    let shift = CONSTANT_BITS + drop_bits - (FRACTION_BITS - drop_bits);
    for (n, result) in results.into_iter().enumerate() {
        block[at(n)] = (result + (1 << (shift - 1))) >> shift;
    }
}

fn quantised(block: &[i32; 64], table: &[i32; 64]) -> [i32; 64] {
    let mut coefficients = [0; 64];
    for (coefficient, place) in coefficients.iter_mut().zip(ZIGZAG) {
        let value = block[place];
        // Most are too small to survive, and dividing is what takes the time.
        if value.abs() * 2 >= table[place] * 8 {
            *coefficient = divided(value, table[place] * 8);
        }
    }
    coefficients
}

/// Divides and rounds to the nearest.
fn divided(value: i32, by: i32) -> i32 {
    let half = if value < 0 { -by / 2 } else { by / 2 };
    (value + half) / by
}

fn dc_symbols() -> Vec<u8> {
    (0..12).collect()
}

/// Gives the pairs of run and size, what is likely first. Any order is legal.
fn ac_symbols() -> Vec<u8> {
    let mut pairs: Vec<(u8, u8)> = (0..16)
        .flat_map(|run| (1..=10).map(move |size| (run, size)))
        .collect();
    pairs.sort_by_key(|(run, size)| 2 * run + 3 * size);
    let pairs = pairs.into_iter().map(|(run, size)| run << 4 | size);
    let mut symbols: Vec<u8> = std::iter::once(END_OF_BLOCK).chain(pairs).collect();
    symbols.insert(12, SIXTEEN_ZEROS);
    symbols
}

/// Code and length of each symbol.
struct Codes([(u32, u32); 256]);

impl Codes {
    fn new(lengths: &[u8; 16], symbols: &[u8]) -> Self {
        let mut codes = [(0, 0); 256];
        let mut symbols = symbols.iter();
        let mut code = 0;
        for (length, count) in (1..).zip(lengths) {
            for symbol in symbols.by_ref().take(usize::from(*count)) {
                codes[usize::from(*symbol)] = (code, length);
                code += 1;
            }
            code <<= 1;
        }
        Self(codes)
    }
}

/// Collects bits into bytes.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    pending: u64,
    count: u32,
}

impl Bits {
    fn put(&mut self, bits: u32, count: u32) {
        self.pending = self.pending << count | u64::from(bits);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let [byte, ..] = (self.pending >> self.count).to_le_bytes();
            self.bytes.push(byte);
            if byte == 0xFF {
                self.bytes.push(0);
            }
        }
        self.pending &= (1 << self.count) - 1;
    }

    fn put_symbol(&mut self, codes: &Codes, symbol: u8) {
        let (code, length) = codes.0[usize::from(symbol)];
        self.put(code, length);
    }

    fn put_difference(&mut self, codes: &Codes, difference: i32) {
        self.put_sized(codes, 0, difference);
    }

    fn put_others(&mut self, codes: &Codes, coefficients: &[i32]) {
        let mut run = 0;
        for coefficient in coefficients {
            if *coefficient == 0 {
                run += 1;
                continue;
            }
            while run > 15 {
                self.put_symbol(codes, SIXTEEN_ZEROS);
                run -= 16;
            }
            self.put_sized(codes, run, *coefficient);
            run = 0;
        }
        if run > 0 {
            self.put_symbol(codes, END_OF_BLOCK);
        }
    }

    /// Puts the symbol of a run and a value's size, then the value; negative ones count from below.
    fn put_sized(&mut self, codes: &Codes, run: u8, value: i32) {
        let magnitude = value.unsigned_abs();
        let size = u32::BITS - magnitude.leading_zeros();
        let symbol = run << 4 | u8::try_from(size).unwrap_or(0);
        self.put_symbol(codes, symbol);
        let bits = if value < 0 {
            (1 << size) - 1 - magnitude
        } else {
            magnitude
        };
        self.put(bits, size);
    }

    fn finish(mut self) -> Vec<u8> {
        self.put(0x7F, 7);
        self.bytes
    }
}
