//! The command that signs in, in words that can be pasted.

use crate::stack::{Stack, StackFiles};
use crate::words::quoted;
use std::path::Path;

/// The command that signs a profile in; where the AWS files are not the usual ones, it says so.
pub(crate) fn command(profile: &str, stack: &Stack) -> String {
    // `qd init` looks before there is a stack file.
    let file = Some(stack.path.as_path()).filter(|path| path.is_file());
    command_by(profile, &stack.files, file)
}

/// The same, of AWS files that no stack file may name.
pub(crate) fn command_by(profile: &str, files: &StackFiles, stack: Option<&Path>) -> String {
    let own = [
        ("--aws-config", files.aws_config.as_deref()),
        ("--aws-credentials", files.aws_credentials.as_deref()),
    ];
    let own = own
        .into_iter()
        .filter_map(|(option, file)| Some((option, file?)));
    let own: Vec<(&str, &Path)> = own.collect();
    let options = match stack {
        Some(stack) if !own.is_empty() => vec![("--stack", stack)],
        Some(_) | None => own,
    };
    let mut command = format!("qd login {}", quoted(profile));
    for (option, file) in options {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
        command.push_str(&format!(" {option} {}", quoted(&file.to_string_lossy())));
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_in_names_the_file_where_the_config_is_not_the_usual_one() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("my stack.toml");
        let text = "name = \"x\"\nenvironment = \"dev\"\n[[account]]\nprofile = \"p\"\nregions = [\"us-east-1\"]\n";
        let usual = Stack::parse(text, &path).expect("a stack");
        assert_eq!(command("ops-prod", &usual), "qd login ops-prod");
        assert_eq!(command("it's me", &usual), r"qd login 'it'\''s me'");
        let text = format!("{text}[files]\naws_config = \"/etc/aws-config\"\n");
        let own = Stack::parse(&text, &path).expect("a stack");
        assert_eq!(
            command("p", &own),
            "qd login p --aws-config /etc/aws-config"
        );
        let keys = "aws_credentials = \"/etc/aws-keys\"\n";
        let both = Stack::parse(&format!("{text}{keys}"), &path).expect("a stack");
        assert_eq!(
            command("p", &both),
            "qd login p --aws-config /etc/aws-config --aws-credentials /etc/aws-keys"
        );
        std::fs::write(&path, &text).expect("written");
        let file = path.display();
        assert_eq!(command("p", &own), format!("qd login p --stack '{file}'"));
        let text = text.replace("aws_config", "aws_credentials");
        let keyed = Stack::parse(&text, &path).expect("a stack");
        assert_eq!(command("p", &keyed), format!("qd login p --stack '{file}'"));
    }
}
