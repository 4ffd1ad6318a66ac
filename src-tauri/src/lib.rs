//! The shell: the only package that knows Tauri. It opens a platform, answers the window's
//! commands from the engine and streams updates to it. Nothing here judges, links or decides.

mod commands;
mod error;
mod feed;
mod link;
mod platform;
mod programs;
mod sign_in;
mod start;

pub use commands::About;
pub use error::{IpcCode, IpcError};
pub use link::Link;
pub use sign_in::SignInAsked;
pub use start::{Beginnings, ChosenProfile, FoundPlatform};

use link::Links;
use platform::Platform;
use tauri::{WebviewUrl, WebviewWindowBuilder};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::prelude::*;

/// Opens the window and runs until it is closed. `args` are the command line's words without the
/// program's name.
pub fn run(args: impl Iterator<Item = String>) {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("QUARTERDECK_LOG"))
        .with_writer(std::io::stderr)
        .finish()
        // Below that the SDK prints what it was configured with, the keys of the AWS files among it.
        .with(LevelFilter::DEBUG)
        .init();
    cloud::quiet();
    let (links, words): (Vec<String>, Vec<String>) = args.partition(|word| Link::is(word));
    let link = links.first().map(|text| Link::parse(text)).transpose();
    if let ([text], [], Ok(_)) = (links.as_slice(), words.as_slice(), &link)
        && link::handed_over(&link::folder(), text)
    {
        return;
    }
    let asked = match &link {
        Ok(_) => platform::asked(words.into_iter()),
        Err(sentence) => Err(sentence.clone()),
    };
    let links = Links::new(link.ok().flatten());
    let outcome = tauri::Builder::default()
        .setup(move |app| {
            use tauri::Manager as _;
            let platform = Platform::open(asked);
            let handle = app.handle().clone();
            links.listen(&link::folder(), platform.clone(), move || raise(&handle));
            app.manage(links);
            app.manage(platform);
            app.manage(start::Found::default());
            app.manage(sign_in::SignIn::default());
            WebviewWindowBuilder::new(app, "main", WebviewUrl::default())
                .title("Quarterdeck")
                .inner_size(1440.0, 900.0)
                .min_inner_size(1024.0, 700.0)
                .build()?;
            Ok(())
        })
        .invoke_handler(tauri::generate_handler![
            commands::subscribe,
            commands::about,
            commands::links,
            commands::start_drill,
            start::beginnings,
            start::discover,
            start::keep,
            start::open_stack,
            start::reopen,
            start::leave,
            commands::try_again,
            sign_in::begin_sign_in,
            sign_in::await_sign_in,
            sign_in::give_sign_in_code,
            sign_in::open_sign_in_page,
            sign_in::cancel_sign_in,
            programs::approve_program,
            commands::offers,
            commands::all_offers,
            commands::plan,
            commands::arming,
            commands::runs,
            commands::peek,
            commands::loops,
            commands::cost,
            commands::watch_run,
            commands::audit,
            commands::arm,
            commands::disarm,
            commands::begin_hold,
            commands::act,
            commands::cancel_run,
            commands::resume_run,
        ])
        .run(tauri::generate_context!());
    if let Err(error) = outcome {
        eprintln!(
            "The window cannot open: {error}. The same picture in the terminal: qd status --stack FILE"
        );
        std::process::exit(1);
    }
}

/// Brings the window to the front, where the desktop lets it.
fn raise(app: &tauri::AppHandle) {
    use tauri::Manager as _;
    if let Some(window) = app.get_webview_window("main") {
        // A desktop that does not let windows come forward marks it as asking.
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}
