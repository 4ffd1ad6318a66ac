//! `qd audit verify`, `qd audit export`: the record of everything done.

use crate::args::AuditCommand;
use crate::failure::Failure;
use crate::{print, text};

/// Exit code of a broken chain.
const BROKEN: u8 = 5;

/// Verifies or exports.
pub(crate) fn run(command: &AuditCommand) -> Result<u8, Failure> {
    let audit = engine::Audit::open(&engine::state_dir()).map_err(|e| {
        if e.is_damaged() {
            return Failure::with_code(format!("{e}: what lies there is no audit record"), BROKEN);
        }
        let next = "Set XDG_STATE_HOME to a folder that can be written.";
        Failure::new(format!("{e}. {next}"))
    })?;
    match command {
        AuditCommand::Verify(args) => match audit.verify() {
            Ok(rows) if args.json => {
                print::line(&serde_json::json!({"intact": true, "rows": rows}))?;
                Ok(0)
            }
            Ok(rows) => {
                print::text(&format!(
                    "The chain of {} rows is intact.\n",
                    text::count(rows)
                ))?;
                Ok(0)
            }
            Err(broken) => Err(Failure::with_code(broken.to_string(), BROKEN)),
        },
        AuditCommand::Export(_) => {
            for row in audit.rows().map_err(|e| Failure::new(e.to_string()))? {
                print::line(&row)?;
            }
            Ok(0)
        }
    }
}
