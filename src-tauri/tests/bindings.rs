//! The TypeScript types of the window are exported from the Rust types and committed; this test
//! fails when they are stale. `UPDATE_BINDINGS=1 cargo nextest run -p quarterdeck bindings` rewrites them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use ts_rs::{Config, TS};

fn export(dir: &Path) {
    let config = Config::new().with_large_int("number").with_out_dir(dir);
    model::Update::export_all(&config).expect("model exports");
    act::Offer::export_all(&config).expect("offers export");
    model::Cost::export_all(&config).expect("costs export");
    act::OpenLoop::export_all(&config).expect("open loops export");
    act::selected::peek::Peek::export_all(&config).expect("peeks export");
    act::RunEvent::export_all(&config).expect("runs export");
    engine::Arming::export_all(&config).expect("arming exports");
    engine::AuditRow::export_all(&config).expect("audit rows export");
    quarterdeck::About::export_all(&config).expect("about exports");
    quarterdeck::SignInAsked::export_all(&config).expect("codes export");
    quarterdeck::Link::export_all(&config).expect("links export");
    quarterdeck::Beginnings::export_all(&config).expect("beginnings export");
    quarterdeck::ChosenProfile::export_all(&config).expect("choices export");
    quarterdeck::FoundPlatform::export_all(&config).expect("what is found exports");
    quarterdeck::IpcError::export_all(&config).expect("errors export");
}

fn files(dir: &Path) -> BTreeMap<String, String> {
    fs::read_dir(dir)
        .expect("the folder is there")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, fs::read_to_string(path).expect("a text file"))
        })
        .collect()
}

#[test]
fn bindings_are_fresh() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/ipc/gen");
    if std::env::var_os("UPDATE_BINDINGS").is_some() {
        fs::remove_dir_all(&committed).ok();
        export(&committed);
    }
    let fresh = tempfile::tempdir().expect("a temporary folder");
    export(fresh.path());
    assert_eq!(
        files(&committed),
        files(fresh.path()),
        "stale: run with UPDATE_BINDINGS=1 and commit ui/src/ipc/gen"
    );
}
