//! Approving a program from the window: a trust decision about exactly what was shown, kept on this machine.

use crate::error::{IpcCode, IpcError};
use crate::platform::Platform;
use tauri::State;

/// Approves the program that waits under this hash; what was shut out is read again by itself.
#[tauri::command]
pub(crate) async fn approve_program(
    platform: State<'_, Platform>,
    hash: String,
) -> Result<(), IpcError> {
    match platform.engine().await?.approve(&hash) {
        Ok(_) => Ok(()),
        Err(error) => Err(IpcError::new(IpcCode::Refused, error.to_string()).hint(
            "Nothing was approved. It may have changed meanwhile: close this and look at it again.",
        )),
    }
}
