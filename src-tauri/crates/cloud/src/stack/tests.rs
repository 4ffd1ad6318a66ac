//! What a stack file may say, and every mistake with its place.

use super::*;
use model::Verb;

const SMALLEST: &str = "name = \"Meridian\"\nenvironment = \"prod\"\n\n[[account]]\nregions = [\"us-east-1\", \"eu-west-1\", \"us-east-1\"]\n";

fn parse(text: &str) -> Result<Stack, String> {
    Stack::parse(text, Path::new("/stacks/q.toml")).map_err(|e| e.to_string())
}

fn mistake(text: &str) -> String {
    parse(text).err().unwrap_or_else(|| "no mistake".to_owned())
}

#[test]
fn the_smallest_stack_is_enough() {
    let stack = parse(SMALLEST).expect("parses");
    assert_eq!(stack.accounts[0].regions, ["us-east-1", "eu-west-1"]);
    assert_eq!(stack.accounts[0].profile, None);
    assert_eq!(stack.environment, Environment::Prod);
}

#[test]
fn an_account_id_has_twelve_digits() {
    let with = |id: &str| SMALLEST.replace("[[account]]", &format!("[[account]]\nid = {id}"));
    let stack = parse(&with("\"012345678901\"")).expect("parses");
    assert_eq!(stack.accounts[0].id.as_deref(), Some("012345678901"));
    for wrong in ["\"12345678901\"", "\"12345678901a\"", "\"\""] {
        let told = mistake(&with(wrong));
        assert!(
            told.contains("line 5, column 6") && told.contains("twelve digits"),
            "{told}"
        );
    }
    assert!(mistake(&with("123456789012")).contains("line 5, column 6"));
}

#[test]
fn a_resolver_is_an_address_and_a_port() {
    let dns = parse(&format!("{SMALLEST}[dns]\nserver = \"127.0.0.1:5353\"\n"))
        .expect("parses")
        .dns
        .expect("declared");
    assert_eq!(dns.server.port(), 5353);
    assert!(parse(SMALLEST).expect("parses").dns.is_none());
    assert!(parse(&format!("{SMALLEST}[dns]\nserver = \"resolver\"\n")).is_err());
}

#[test]
fn files_are_relative_to_the_stack_file() {
    let text = format!("{SMALLEST}[files]\naws_config = \"aws/config\"\nkubeconfig = \"/k\"\n");
    let files = parse(&text).expect("parses").files;
    assert_eq!(
        files.aws_config.as_deref(),
        Some(Path::new("/stacks/aws/config"))
    );
    assert_eq!(files.kubeconfig.as_deref(), Some(Path::new("/k")));
}

#[test]
fn queues_clusters_edges_and_thresholds_are_read() {
    let text = format!(
        "hosted_zones = [\"example.com\"]\n{SMALLEST}[[queue]]\nname = \"orders\"\nidempotent = true\nconsumer = \"external\"\n\
         [[cluster]]\nregion = \"us-east-1\"\ncontext = \"prod\"\n\
         [[cluster]]\nregion = \"us-east-1\"\neks = \"core\"\n\
         [[edge]]\nfrom = \"a\"\nto = \"b\"\nrelation = \"connects-to\"\n[thresholds]\ncpu = 90\n"
    );
    let stack = parse(&text).expect("parses");
    assert!(stack.queues[0].idempotent && stack.queues[0].external);
    assert_eq!(
        stack.clusters[0].entrance,
        Entrance::Context("prod".to_owned())
    );
    assert_eq!(stack.clusters[1].entrance, Entrance::Eks("core".to_owned()));
    assert_eq!(stack.edges[0].relation, model::Relation::ConnectsTo);
    assert_eq!(stack.thresholds.get("cpu"), Some(&90.0));
}

#[test]
fn a_database_has_a_probe_that_can_be_asked() {
    let text = format!(
        "{SMALLEST}[[database]]\nname = \"orders\"\nwrite_probe = \"https://app/health/write\"\n"
    );
    let stack = parse(&text).expect("parses");
    let database = &stack.databases[0];
    let probe = database.write_probe.as_deref();
    assert_eq!(probe, Some("https://app/health/write"));
    let wrong = mistake(&text.replace("https://", "file://"));
    assert!(wrong.contains("no http or https URL"), "{wrong}");
    let only = format!("{SMALLEST}[[database]]\nname = \"orders\"\n");
    let stack = parse(&format!("{only}readers = 2\n")).expect("parses");
    let database = &stack.databases[0];
    assert_eq!((database.readers, &database.write_probe), (Some(2), &None));
    assert!(mistake(&only).contains("nothing is said of the database"));
}

#[test]
fn a_mistake_is_told_with_line_and_column() {
    assert!(
        mistake("name = \"x\"\nenviroment = \"prod\"\n")
            .starts_with("/stacks/q.toml, line 2, column 1: unknown field")
    );
    let wrong = mistake("name = \"x\"\nenvironment = \"live\"\n");
    assert!(
        wrong.contains("line 2, column 15") && wrong.contains("staging"),
        "{wrong}"
    );
    assert!(mistake("name = \"x\"\nenvironment = \"dev\"\n").contains("no [[account]]"));
    for (cluster, why) in [
        ("", "neither context (of the kubeconfig) nor eks"),
        ("context = \"a\"\neks = \"b\"\n", "both context and eks"),
        ("eks = \"b\"\nname = \"c\"\n", "leave name out"),
    ] {
        let wrong = mistake(&format!(
            "{SMALLEST}[[cluster]]\nregion = \"us-east-1\"\n{cluster}"
        ));
        assert!(wrong.contains("line ") && wrong.contains(why), "{wrong}");
    }
    let wrong = mistake(
        "name = \"x\"\nenvironment = \"dev\"\n[[account]]\nregions = [\"us-east-1\", \"US East\"]\n",
    );
    assert!(
        wrong.contains("line 4, column 25") && wrong.contains("no AWS region"),
        "{wrong}"
    );
    let twice = format!("{SMALLEST}[[account]]\nregions = [\"us-west-2\"]\n");
    assert!(mistake(&twice).contains("twice"));
    let cluster = format!("{SMALLEST}[[cluster]]\nregion = \"us-west-2\"\ncontext = \"c\"\n");
    assert!(mistake(&cluster).contains("not among"));
    assert!(mistake("name = ").contains("line 1"));
}

#[test]
fn freezes_and_the_lock_are_read() {
    let text = format!(
        "{SMALLEST}[[freeze]]\nfrom = \"2026-11-27T14:00:00Z\"\nuntil = \"2026-11-28T06:00:00Z\"\nreason = \"Black Friday\"\n\
         [[freeze]]\ndays = [\"mon\", \"fri\"]\nfrom = \"14:30\"\nuntil = \"21:00\"\nzone = \"UTC\"\neffect = \"warn\"\nreason = \"market open\"\n\
         [[maintenance]]\nfrom = \"2026-11-29T01:00:00Z\"\nuntil = \"2026-11-29T03:00:00Z\"\nreason = \"patching\"\n\
         [lock]\nnamespace = \"ops\"\n"
    );
    let stack = parse(&text).expect("parses");
    assert_eq!(stack.freezes[0].reason, "Black Friday");
    let effects: Vec<StackEffect> = stack.freezes.iter().map(|f| f.effect).collect();
    assert_eq!(
        effects,
        [
            StackEffect::Block,
            StackEffect::Warn,
            StackEffect::Maintenance
        ]
    );
    assert_eq!(stack.lock.namespace, "ops");
    let turned = text.replace("11-28", "11-26");
    assert!(mistake(&turned).contains("ends before it begins"));
    assert!(mistake(&text.replace("06:00:00Z", "6 am")).contains("is no time"));
    let day = mistake(&text.replace("\"fri\"", "\"freitag\""));
    assert!(
        day.contains("line 11, column") && day.contains("no day of the week"),
        "{day}"
    );
    let zone = mistake(&text.replace("zone = \"UTC\"", "zone = \"Mars/Base\""));
    assert!(
        zone.contains("line 14, column 8") && zone.contains("not known here"),
        "{zone}"
    );
    assert!(mistake(&text.replace("zone = \"UTC\"\n", "")).contains("needs a zone"));
    assert!(mistake(&text.replace("market open", " ")).contains("no reason"));
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Stack::load(Path::new("/nowhere/q.toml")).expect_err("is not there");
    assert_eq!(
        error.to_string(),
        "The stack file /nowhere/q.toml cannot be read: there is no such file."
    );
}

#[test]
fn the_role_that_acts_is_one_of_the_account() {
    let with = |lines: &str| SMALLEST.replace("[[account]]", &format!("[[account]]\n{lines}"));
    let role = "act_role = \"arn:aws:iam::111122223333:role/ops/act\"";
    let stack = parse(&with(&format!("id = \"111122223333\"\n{role}"))).expect("parses");
    let named = stack.accounts[0].act_roles.other.as_ref().expect("named");
    assert_eq!(named.arn(), "arn:aws:iam::111122223333:role/ops/act");
    let told = mistake(&with(&format!("id = \"444455556666\"\n{role}")));
    assert!(
        told.contains("line 6, column 12") && told.contains("not 444455556666"),
        "{told}"
    );
    let told = mistake(&with("act_role = \"act\""));
    assert!(
        told.contains("line 5, column 12") && told.contains("is no role"),
        "{told}"
    );
}

#[test]
fn an_action_may_have_a_role_of_its_own() {
    let with = |lines: &str| SMALLEST.replace("[[account]]", &format!("[[account]]\n{lines}"));
    let roles = "act_role = \"arn:aws:iam::111122223333:role/act\"\n\
        act_roles = { failover = \"arn:aws:iam::111122223333:role/dba\" }";
    let stack = parse(&with(roles)).expect("parses");
    let of = |verb| {
        stack.accounts[0]
            .act_roles
            .of(verb)
            .map(crate::ActRole::arn)
    };
    let [act, dba] = ["act", "dba"].map(|name| format!("arn:aws:iam::111122223333:role/{name}"));
    assert_eq!(of(Verb::Failover), Some(dba.as_str()));
    assert_eq!(of(Verb::Redrive), Some(act.as_str()));
    let alone = parse(&with(roles.lines().last().expect("two"))).expect("parses");
    assert_eq!(alone.accounts[0].act_roles.of(Verb::Redrive), None);
    let told = mistake(&with(
        "act_roles = { fail-over = \"arn:aws:iam::111122223333:role/dba\" }",
    ));
    assert!(
        told.contains("line 5, column 15")
            && told.contains("fail-over")
            && told.contains("failover"),
        "{told}"
    );
    let told = mistake(&with("act_roles = { failover = \"dba\" }"));
    assert!(
        told.contains("line 5, column 26") && told.contains("is no role"),
        "{told}"
    );
}

#[test]
fn a_budget_is_more_than_nothing() {
    let with = |dollars: &str| format!("{SMALLEST}[budget]\ndollars_per_day = {dollars}\n");
    let dollars = |text: &str| parse(text).expect("parses").dollars_per_day;
    assert_eq!(dollars(&with("2.5")), Some(2.5));
    assert_eq!(dollars(&with("3")), Some(3.0));
    assert_eq!(dollars(SMALLEST), None);
    for wrong in ["0.0", "-1", "nan", "inf"] {
        let told = mistake(&with(wrong));
        assert!(told.contains("line 7, column 19"), "{told}");
    }
}

#[test]
fn what_is_expected_is_in_a_place_of_the_stack_file() {
    let with = |lines: &str| format!("{SMALLEST}[[expect]]\n{lines}\n");
    let queue = "kind = \"queue\"\nname = \"orders-dlq\"\n";
    let stack = parse(&with(&format!("{queue}region = \"eu-west-1\""))).expect("parses");
    let expected = &stack.expected[0];
    assert_eq!(expected.kind, model::Kind::Queue);
    assert_eq!(expected.region.as_deref(), Some("eu-west-1"));
    let global = parse(&with("kind = \"distribution\"\nname = \"E1\"")).expect("parses");
    assert_eq!(global.expected[0].region, None);
    for (lines, told) in [
        (queue.to_owned(), "several regions"),
        (
            format!("{queue}region = \"eu-west-2\""),
            "no region \"eu-west-2\"",
        ),
        (
            format!("{queue}region = \"eu-west-1\"\nprofile = \"x\""),
            "no [[account]] has the profile",
        ),
        (
            "kind = \"pod\"\nname = \"p\"".to_owned(),
            "a pod cannot be expected",
        ),
        (
            "kind = \"queues\"\nname = \"p\"".to_owned(),
            "unknown variant",
        ),
        (
            "kind = \"distribution\"\nname = \"E1\"\nregion = \"eu-west-1\"".to_owned(),
            "has no region",
        ),
    ] {
        let mistake = mistake(&with(&lines));
        assert!(
            mistake.contains(told) && mistake.contains("line "),
            "{mistake}"
        );
    }
}
