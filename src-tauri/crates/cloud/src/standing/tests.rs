//! Ways in, read from files of the AWS config and of the token cache.

use super::*;
use model::AccessState;
use std::time::Duration;

const CONFIG: &str = "\
[profile desk]\nsso_session = corp\nsso_account_id = 444455556666\nsso_role_name = Read\n\
[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n\
[profile over]\nrole_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = desk\n\
[profile own]\nrole_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = own\naws_access_key_id = AKIA1\naws_secret_access_key = x\n\
[profile vault]\ncredential_process = /usr/bin/vault\n\
[profile code]\nrole_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = vault\nmfa_serial = arn:aws:iam::111122223333:mfa/anna\n\
[profile far]\nrole_arn = arn:aws:iam::444455556666:role/ops\nsource_profile = code\n\
[profile old]\nsso_start_url = https://old.awsapps.com/start\nsso_region = eu-west-1\nsso_account_id = 444455556666\nsso_role_name = Read\n";

async fn standing(profile: &str) -> (Standing, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let files = StackFiles {
        aws_config: Some(dir.path().join("config")),
        aws_credentials: Some(dir.path().join("credentials")),
        kubeconfig: None,
    };
    std::fs::write(dir.path().join("config"), CONFIG).expect("written");
    std::fs::write(dir.path().join("credentials"), "").expect("written");
    let approved = dir.path().join("approved.json");
    (Standing::read(Some(profile), &files, &approved).await, dir)
}

#[tokio::test]
async fn a_way_in_is_followed_to_where_its_credentials_come_from() {
    for (profile, way, root, root_way, start_url) in [
        (
            "desk",
            Way::Sso,
            "desk",
            Way::Sso,
            Some("https://corp.awsapps.com/start"),
        ),
        (
            "over",
            Way::Role,
            "desk",
            Way::Sso,
            Some("https://corp.awsapps.com/start"),
        ),
        ("own", Way::Role, "own", Way::Keys, None),
        ("vault", Way::Program, "vault", Way::Program, None),
        ("code", Way::Mfa, "code", Way::Mfa, None),
        ("far", Way::Role, "code", Way::Mfa, None),
        ("nobody", Way::Chain, "nobody", Way::Chain, None),
    ] {
        let (standing, _dir) = standing(profile).await;
        assert_eq!(
            (standing.way, standing.root.way),
            (way, root_way),
            "{profile}"
        );
        assert_eq!(standing.root.profile.as_deref(), Some(root), "{profile}");
        let place = standing.place.as_ref();
        let portal = place.and_then(|place| match place {
            Place::Portal(portal) => Some(portal.start_url.as_str()),
            Place::Role(_) => None,
        });
        assert_eq!(portal, start_url, "{profile}");
    }
    let (standing, _dir) = standing("old").await;
    let command = standing.mended_by(Some("qd login old")).root.command;
    assert_eq!(command.as_deref(), Some("qd login old"));
}

#[tokio::test]
async fn what_counts_is_when_somebody_must_do_something() {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let keys = |seconds| Given::Keys {
        expires: Some(at(seconds)),
    };
    let token = |seconds, renews| Held {
        expires: Timestamp::from_seconds(seconds),
        renews,
    };
    let (sso, _a) = standing("desk").await;
    // Keys that were given outlive the token that got them, and are got again while there is one.
    assert_eq!(
        sso.ends(&keys(9), Some(&token(5, false))),
        Some(Timestamp::from_seconds(9))
    );
    assert_eq!(
        sso.ends(&keys(5), Some(&token(9, false))),
        Some(Timestamp::from_seconds(9))
    );
    assert_eq!(
        sso.ends(&Given::Nothing, Some(&token(9, false))),
        Some(Timestamp::from_seconds(9))
    );
    assert_eq!(sso.ends(&keys(5), Some(&token(9, true))), None);
    let (program, _b) = standing("vault").await;
    assert_eq!(
        program.ends(&keys(5), None),
        Some(Timestamp::from_seconds(5))
    );
    assert_eq!(program.ends(&Given::Keys { expires: None }, None), None);
    let (role, _c) = standing("own").await;
    assert_eq!(role.ends(&keys(5), None), None);
    // Roles above the one that takes a code are assumed again while its session lasts, and no longer.
    for profile in ["code", "far"] {
        let (mfa, _d) = standing(profile).await;
        let ends = mfa.ends(&keys(5), Some(&token(9, false)));
        assert_eq!(ends, Some(Timestamp::from_seconds(9)), "{profile}");
    }
}

#[tokio::test]
async fn what_is_not_given_without_a_sign_in_is_a_matter_of_signing_in() {
    let missing = || Given::Refused(Refusal::Missing);
    let (sso, _a) = standing("desk").await;
    let over = Held {
        expires: Timestamp::from_seconds(1),
        renews: false,
    };
    let good = Held {
        expires: Timestamp::from_seconds(i64::MAX / 2000),
        renews: false,
    };
    assert_eq!(sso.refusal(missing(), None), Some(Refusal::Over));
    assert_eq!(sso.refusal(missing(), Some(&over)), Some(Refusal::Over));
    assert_eq!(sso.refusal(missing(), Some(&good)), Some(Refusal::Missing));
    assert_eq!(sso.refusal(Given::Nothing, None), None);
    let (program, _b) = standing("vault").await;
    assert_eq!(program.refusal(missing(), None), Some(Refusal::Missing));
    *program.ledger.lock().expect("not poisoned") = missing();
    let account = AccountId::new("111122223333");
    let access = program.way_in(&account, None, Answer::Given);
    assert_eq!(
        access.judge(Timestamp::from_seconds(0)).state,
        AccessState::Unusable
    );
}

#[tokio::test]
async fn a_corrected_file_is_noticed() {
    let (standing, dir) = standing("vault").await;
    let before = standing.stamp();
    assert_eq!(standing.stamp(), before);
    std::fs::write(dir.path().join("credentials"), "[vault]\n").expect("written");
    assert_ne!(standing.stamp(), before);
}
