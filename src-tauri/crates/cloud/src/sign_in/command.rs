//! The command that signs in, in words that can be pasted.

use crate::stack::Stack;
use crate::words::quoted;

/// The command that signs a profile in; where the AWS config is not the usual one, it says so.
pub(crate) fn command(profile: &str, stack: &Stack) -> String {
    let mut command = format!("qd login {}", quoted(profile));
    // `qd init` looks before there is a stack file.
    let (option, file) = match &stack.files.aws_config {
        Some(config) if !stack.path.is_file() => ("--aws-config", config),
        Some(_) => ("--stack", &stack.path),
        None => return command,
    };
    let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
    command.push_str(&format!(" {option} {}", quoted(&file.to_string_lossy())));
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
        std::fs::write(&path, text).expect("written");
        let file = path.display();
        assert_eq!(command("p", &own), format!("qd login p --stack '{file}'"));
    }
}
