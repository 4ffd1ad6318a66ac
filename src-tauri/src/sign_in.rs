//! Signing in with IAM Identity Center from the window. The page learns the code and the address of the page
//! that takes it; the token goes from AWS to the cache on disk and never near the page.

use crate::error::{IpcCode, IpcError};
use crate::platform::Platform;
use cloud::sso::{Pending, SignInError};
use cloud::stack::StackFiles;
use model::Timestamp;
use serde::Serialize;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tauri::State;
use tokio::sync::Notify;

/// What somebody confirms in a browser, on this or any other machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
pub struct SignInCode {
    /// What is signed in to: `session corp`, or a start URL.
    pub portal: String,
    /// The page, with the code filled in.
    pub page: String,
    /// The code: the page must show the same.
    pub user_code: String,
    /// Until when it can be confirmed.
    pub expires_at: Timestamp,
}

/// The window's sign-in; a new one takes the place of the last.
#[derive(Clone, Default)]
pub(crate) struct SignIn(Arc<Inner>);

#[derive(Default)]
struct Inner {
    begun: Mutex<Begun>,
    stop: Notify,
}

#[derive(Default)]
struct Begun {
    pending: Option<Pending>,
    page: Option<String>,
}

impl SignIn {
    fn begun(&self) -> MutexGuard<'_, Begun> {
        let begun = self.0.begun.lock();
        begun.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks for a code, in the place of one that waits.
#[tauri::command]
pub(crate) async fn begin_sign_in(
    platform: State<'_, Platform>,
    sign_in: State<'_, SignIn>,
    profile: String,
) -> Result<SignInCode, IpcError> {
    let files = match platform.engine().await {
        Ok(engine) => engine.stack().files.clone(),
        Err(_) => StackFiles::default(),
    };
    sign_in.0.stop.notify_waiters();
    let pending = cloud::sso::begin(&profile, &files).await;
    let pending = pending.map_err(|error| refused(&error))?;
    let code = pending.code().clone();
    *sign_in.begun() = Begun {
        pending: Some(pending),
        page: Some(code.verification_uri_complete.clone()),
    };
    Ok(SignInCode {
        portal: code.portal,
        page: code.verification_uri_complete,
        user_code: code.user_code,
        expires_at: Timestamp::from_millis(code.expires_at.as_millisecond()),
    })
}

/// Waits until the code is confirmed, refused, over, or given up; then what was shut out is read again.
#[tauri::command]
pub(crate) async fn await_sign_in(
    platform: State<'_, Platform>,
    sign_in: State<'_, SignIn>,
) -> Result<(), IpcError> {
    // Heard from before it is taken, so that giving up is never missed.
    let mut stop = std::pin::pin!(sign_in.0.stop.notified());
    stop.as_mut().enable();
    let pending = sign_in.begun().pending.take();
    let pending =
        pending.ok_or_else(|| IpcError::new(IpcCode::Refused, "No sign-in was begun here."))?;
    tokio::select! {
        signed_in = pending.signed_in() => signed_in.map_err(|error| refused(&error))?,
        () = stop => {
            return Err(IpcError::new(IpcCode::Refused, "The sign-in was given up: nobody was signed in."));
        }
    };
    if let Ok(engine) = platform.engine().await {
        engine.try_again();
    }
    Ok(())
}

/// Opens the page of the sign-in that waits in this machine's browser.
#[tauri::command]
pub(crate) async fn open_sign_in_page(sign_in: State<'_, SignIn>) -> Result<(), IpcError> {
    let page = sign_in.begun().page.clone();
    // AWS serves it over TLS; nothing but a page is handed to the desktop.
    let page =
        page.filter(|page| page.starts_with("https://") || page.starts_with("http://127.0.0.1:"));
    let page = page.ok_or_else(|| IpcError::new(IpcCode::Refused, "There is no page to open."))?;
    let opened = Command::new("xdg-open")
        .arg(&page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match opened {
        Ok(mut child) => {
            std::thread::spawn(move || child.wait());
            Ok(())
        }
        Err(error) => Err(IpcError::new(
            IpcCode::Refused,
            format!("The browser cannot be opened from here: {error}."),
        )
        .hint("Copy the address, and open it on any machine.")),
    }
}

/// Gives the sign-in up.
#[tauri::command]
pub(crate) async fn cancel_sign_in(sign_in: State<'_, SignIn>) -> Result<(), IpcError> {
    sign_in.0.stop.notify_waiters();
    *sign_in.begun() = Begun::default();
    Ok(())
}

fn refused(error: &SignInError) -> IpcError {
    IpcError::new(IpcCode::Refused, error.to_string()).hint(error.next_step())
}
