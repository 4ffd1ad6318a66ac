//! Generates one permission per command (so that a window may call only what its capability
//! names) and embeds the window's page.

/// Every command of the shell; `capabilities/` says which window may call which.
const COMMANDS: &[&str] = &[
    "subscribe",
    "about",
    "links",
    "start_drill",
    "beginnings",
    "discover",
    "keep",
    "open_stack",
    "reopen",
    "leave",
    "try_again",
    "begin_sign_in",
    "await_sign_in",
    "give_sign_in_code",
    "open_sign_in_page",
    "cancel_sign_in",
    "approve_program",
    "offers",
    "all_offers",
    "plan",
    "arming",
    "runs",
    "peek",
    "loops",
    "cost",
    "watch_run",
    "audit",
    "arm",
    "disarm",
    "begin_hold",
    "act",
    "cancel_run",
    "resume_run",
];

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
        std::process::exit(1);
    }
}
