//! Signing in from the window. The page learns what somebody has to do (an address and a code to confirm there, or the
//! device whose code is asked for); what AWS gives for it goes to the cache on disk and never near the page. A code that
//! is given goes to AWS and is not kept.

use crate::error::{IpcCode, IpcError};
use crate::platform::Platform;
use cloud::mfa::Code;
use cloud::sign_in::{SignInError, SigningIn};
use cloud::stack::StackFiles;
use model::Timestamp;
use serde::Serialize;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tauri::State;
use tokio::sync::Notify;

/// What somebody has to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ts_rs::TS)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SignInAsked {
    /// Confirm a code in a browser, on this or any other machine.
    Page {
        /// What is signed in to: `session corp`, or a start URL.
        portal: String,
        /// The page, with the code filled in.
        page: String,
        /// The code: the page must show the same.
        user_code: String,
        /// Until when it can be confirmed.
        expires_at: Timestamp,
    },
    /// Give a code of a device.
    Code {
        /// What is signed in to: `role operations of account 111122223333`.
        role: String,
        /// The device that shows it: its `mfa_serial`.
        device: String,
    },
}

impl SignInAsked {
    fn of(begun: &SigningIn) -> Self {
        match begun {
            SigningIn::Page(pending) => {
                let code = pending.code().clone();
                Self::Page {
                    portal: code.portal,
                    page: code.verification_uri_complete,
                    user_code: code.user_code,
                    expires_at: Timestamp::from_millis(code.expires_at.as_millisecond()),
                }
            }
            SigningIn::Code(asked) => Self::Code {
                role: asked.role(),
                device: asked.device().to_owned(),
            },
        }
    }
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
    pending: Option<SigningIn>,
    page: Option<String>,
}

impl SignIn {
    fn begun(&self) -> MutexGuard<'_, Begun> {
        let begun = self.0.begun.lock();
        begun.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins, in the place of one that waits.
#[tauri::command]
pub(crate) async fn begin_sign_in(
    platform: State<'_, Platform>,
    sign_in: State<'_, SignIn>,
    profile: String,
) -> Result<SignInAsked, IpcError> {
    let files = match platform.engine().await {
        Ok(engine) => engine.stack().files.clone(),
        Err(_) => StackFiles::default(),
    };
    sign_in.0.stop.notify_waiters();
    // Given up, or begun again, while AWS is asked what it takes: its answer must not take the place of the newer one.
    let mut stop = std::pin::pin!(sign_in.0.stop.notified());
    stop.as_mut().enable();
    let begun = tokio::select! {
        begun = cloud::sign_in::begin(&profile, &files) => begun.map_err(|error| refused(&error))?,
        () = stop => return Err(given_up()),
    };
    let asked = SignInAsked::of(&begun);
    let page = match &asked {
        SignInAsked::Page { page, .. } => Some(page.clone()),
        SignInAsked::Code { .. } => None,
    };
    *sign_in.begun() = Begun {
        pending: Some(begun),
        page,
    };
    Ok(asked)
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
    let pending = match sign_in.begun().pending.take() {
        Some(SigningIn::Page(pending)) => pending,
        Some(SigningIn::Code(_)) | None => return Err(nothing_begun()),
    };
    tokio::select! {
        signed_in = pending.signed_in() => signed_in.map_err(|error| refused(&error))?,
        () = stop => return Err(given_up()),
    };
    read_again(&platform).await;
    Ok(())
}

/// Gives a code of the device that is asked for; one that is refused leaves room for the next. Then what was shut out is
/// read again.
#[tauri::command]
pub(crate) async fn give_sign_in_code(
    platform: State<'_, Platform>,
    sign_in: State<'_, SignIn>,
    code: String,
) -> Result<(), IpcError> {
    let code =
        Code::parse(&code).map_err(|error| IpcError::new(IpcCode::Refused, error.to_string()))?;
    let mut stop = std::pin::pin!(sign_in.0.stop.notified());
    stop.as_mut().enable();
    let asked = match &sign_in.begun().pending {
        Some(SigningIn::Code(asked)) => asked.clone(),
        Some(SigningIn::Page(_)) | None => return Err(nothing_begun()),
    };
    tokio::select! {
        signed_in = asked.signed_in(&code) => signed_in.map_err(|error| refused(&error))?,
        () = stop => return Err(given_up()),
    };
    *sign_in.begun() = Begun::default();
    read_again(&platform).await;
    Ok(())
}

fn nothing_begun() -> IpcError {
    IpcError::new(IpcCode::Refused, "No sign-in was begun here.")
}

fn given_up() -> IpcError {
    let told = "The sign-in was given up: nobody was signed in.";
    IpcError::new(IpcCode::Refused, told)
}

async fn read_again(platform: &State<'_, Platform>) {
    if let Ok(engine) = platform.engine().await {
        engine.try_again();
    }
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
