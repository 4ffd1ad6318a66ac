//! The files an ordinary client finds the simulation by: a stack file, an AWS profile, a kubeconfig.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::aws::sign_in::{Authenticator, ROLE};
use crate::aws::{ACCESS_KEY, Role, SECRET_KEY};
use crate::control::HELP;
use crate::options::SignInWay;
use crate::shared::SharedWorld;
use crate::simulation::{Simulation, StartError};
use crate::world::{SIMULATED_ACCOUNT, World};

/// Takes the folder for one simulation: the files of one that runs are not written over.
pub(crate) fn claim(dir: &Path) -> Result<fs::File, StartError> {
    fs::create_dir_all(dir).map_err(StartError::io(format!("making {}", dir.display())))?;
    let path = dir.join(".lock");
    let failed = || StartError::io(format!("locking {}", path.display()));
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(failed())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StartError::Taken(dir.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(failed()(error)),
    }
}

/// Writes all of them; those with secrets are readable by their owner only.
pub(crate) fn write(simulation: &Simulation, shared: &SharedWorld) -> Result<(), StartError> {
    let dir = &simulation.dir;
    let aws = dir.join("aws");
    fs::create_dir_all(&aws).map_err(StartError::io(format!("making {}", aws.display())))?;
    let (way, portal, seed) = {
        let state = shared.sign_in();
        let seed = state.device.as_ref().map(Authenticator::seed);
        (state.keys.way(), state.start_url.clone(), seed)
    };
    let world = shared.lock();
    let brand = world.plan.names.brand.to_string();
    let profile = format!("{brand}-prod");
    put(
        &simulation.stack,
        &stack(&world, &profile, simulation.dns),
        0o644,
    )?;
    let mut settings = config(&world, &profile, &simulation.aws_url);
    let keys = match way {
        SignInWay::Keys => credentials(&profile),
        SignInWay::Sso => {
            settings.push_str(&sso(&world, &portal));
            String::new()
        }
        SignInWay::Role | SignInWay::Mfa => {
            settings.push_str(&role(&brand, way == SignInWay::Mfa));
            settings.push_str(&config(&world, &brand, &simulation.aws_url));
            credentials(&brand)
        }
    };
    put(&aws.join("config"), &settings, 0o644)?;
    put(&aws.join("credentials"), &keys, 0o600)?;
    let kubeconfig = kubeconfig(&world, &simulation.kubernetes, &shared.bearer_token);
    put(&dir.join("kubeconfig"), &kubeconfig, 0o600)?;
    let mut control = format!("{}\n{HELP}", simulation.control_url);
    if let Some(seed) = seed {
        let serial = Authenticator::serial();
        let _ = writeln!(
            control,
            "# The device {serial} has the seed {seed} (TOTP, SHA-1, 6 digits, 30 s: oathtool --totp -b {seed})."
        );
    }
    put(&dir.join("control"), &control, 0o600)
}

fn put(path: &Path, text: &str, mode: u32) -> Result<(), StartError> {
    let what = format!("writing {}", path.display());
    // A file left by an earlier run keeps its mode, so it goes first.
    let _ = fs::remove_file(path);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .map_err(StartError::io(what.clone()))?;
    file.write_all(text.as_bytes())
        .map_err(StartError::io(what))
}

/// Name of a region's context in the kubeconfig.
fn context(world: &World, n: usize) -> &str {
    &world.clusters[n].spec().name
}

fn stack(world: &World, profile: &str, dns: SocketAddr) -> String {
    let regions: Vec<String> = world
        .regions
        .iter()
        .map(|r| format!("\"{}\"", r.name()))
        .collect();
    let mut out = format!(
        "name = \"{}\"\nenvironment = \"prod\"\n\n[[account]]\nprofile = \"{profile}\"\nregions = [{}]\n",
        world.plan.names.title(),
        regions.join(", ")
    );
    for (n, region) in world.regions.iter().enumerate() {
        let _ = write!(
            out,
            "\n[[cluster]]\nregion = \"{}\"\ncontext = \"{}\"\n",
            region.name(),
            context(world, n)
        );
    }
    for queue in &world.plan.queues {
        let _ = write!(
            out,
            "\n[[queue]]\nname = \"{}\"\nidempotent = true\n",
            queue.name
        );
    }
    let _ = write!(out, "\n[dns]\nserver = \"{dns}\"\n");
    // A namespace that every cluster has.
    out.push_str("\n[lock]\nnamespace = \"default\"\n");
    out.push_str("\n[files]\naws_config = \"aws/config\"\naws_credentials = \"aws/credentials\"\nkubeconfig = \"kubeconfig\"\n");
    out
}

fn config(world: &World, profile: &str, url: &str) -> String {
    format!(
        "[profile {profile}]\nregion = {}\noutput = json\nendpoint_url = {url}\n",
        world.regions[0].name()
    )
}

/// The rest of the profile, and the session it signs in to: as `aws configure sso` writes them
/// (<https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sso.html>).
fn sso(world: &World, start_url: &str) -> String {
    let session = &world.plan.names.brand;
    format!(
        "sso_session = {session}\nsso_account_id = {SIMULATED_ACCOUNT}\nsso_role_name = {ROLE}\n\n\
        [sso-session {session}]\nsso_region = {}\nsso_start_url = {start_url}\n\
        sso_registration_scopes = sso:account:access\n",
        world.regions[0].name()
    )
}

/// The rest of a profile that assumes a role with the keys of profile `source`
/// (<https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-role.html>).
fn role(source: &str, asks: bool) -> String {
    let device = match asks {
        true => format!("mfa_serial = {}\n", Authenticator::serial()),
        false => String::new(),
    };
    let role = Role::Operations.arn();
    format!("role_arn = {role}\nsource_profile = {source}\n{device}\n")
}

fn credentials(profile: &str) -> String {
    format!("[{profile}]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n")
}

fn kubeconfig(world: &World, urls: &[String], token: &str) -> String {
    let mut out = String::from("apiVersion: v1\nkind: Config\n");
    let _ = writeln!(out, "current-context: {}\nclusters:", context(world, 0));
    for (n, url) in urls.iter().enumerate() {
        let _ = writeln!(
            out,
            "- name: {}\n  cluster:\n    server: {url}",
            context(world, n)
        );
    }
    out.push_str("contexts:\n");
    for n in 0..urls.len() {
        let name = context(world, n);
        let _ = writeln!(
            out,
            "- name: {name}\n  context:\n    cluster: {name}\n    user: {name}"
        );
    }
    out.push_str("users:\n");
    for n in 0..urls.len() {
        let _ = writeln!(
            out,
            "- name: {}\n  user:\n    token: {token}",
            context(world, n)
        );
    }
    out
}
