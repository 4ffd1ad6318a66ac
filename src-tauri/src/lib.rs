//! The shell: the only package that knows Tauri. It opens a platform, answers the window's
//! commands from the engine and streams updates to it. Nothing here judges, links or decides.

mod commands;
mod error;
mod feed;
mod platform;

pub use commands::About;
pub use error::{IpcCode, IpcError};

use platform::Platform;
use tauri::{WebviewUrl, WebviewWindowBuilder};

/// Opens the window and runs until it is closed. `args` are the command line's words without the
/// program's name.
pub fn run(args: impl Iterator<Item = String>) {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("QUARTERDECK_LOG"))
        .with_writer(std::io::stderr)
        .init();
    cloud::quiet();
    let asked = platform::asked(args);
    let outcome = tauri::Builder::default()
        .setup(move |app| {
            use tauri::Manager as _;
            app.manage(Platform::open(asked));
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
            commands::start_drill,
            commands::try_again,
            commands::offers,
            commands::all_offers,
            commands::plan,
            commands::arming,
            commands::runs,
            commands::peek,
            commands::loops,
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
