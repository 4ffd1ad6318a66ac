//! Generates the permissions of the commands and embeds the window's page.

fn main() {
    tauri_build::build();
}
