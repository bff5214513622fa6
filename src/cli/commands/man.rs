//! `man`: the manual page.

use clap::CommandFactory as _;

use crate::cli::args::Cli;
use crate::cli::commands::print_text;
use crate::cli::exit::Exit;
use crate::cli::show::Stopped;
use crate::cli::streams::Streams;

/// Prints the page, one section for each command after the main one.
///
/// # Errors
/// Ends with an exit code after saying what is wrong.
pub fn man(streams: &Streams) -> Result<Exit, Stopped> {
    let mut page = Vec::new();
    let mut command = Cli::command();
    command.build();
    let rendered = clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .and_then(|()| {
            let visible = command.get_subcommands().filter(|sub| !sub.is_hide_set());
            visible.cloned().try_for_each(|sub| {
                let man = clap_mangen::Man::new(sub);
                man.render_synopsis_section(&mut page)?;
                man.render_description_section(&mut page)?;
                man.render_options_section(&mut page)
            })
        });
    match rendered {
        Ok(()) => print_text(streams, "man", &String::from_utf8_lossy(&page)),
        Err(error) => {
            streams.insist(&format!("error: cannot make the manual page: {error}\n"));
            Err(Exit::Unexpected)
        }
    }
}
