//! GitOps: a workload kept as git has it, by an Argo CD Application or a Flux Kustomization of its own.
//!
//! Argo CD notices drift at once and heals it when it may (`selfHeal`, after `--self-heal-timeout-seconds`, 5); Flux
//! applies at its interval unless suspended
//! (<https://argo-cd.readthedocs.io/en/stable/user-guide/auto_sync/>,
//! <https://fluxcd.io/flux/components/kustomize/kustomizations/#interval>).

use serde_json::{Value, json};

use super::agenda::Task;
use super::recorder::{About, Tone, Voice};
use super::resource::Resource;
use super::spec::GitOps;
use super::store::Labels;
use super::workload::{Operation, WorkloadId};
use super::write::{WriteError, strings};
use super::{Cluster, WorkloadKey};
use crate::clock::Millis;

/// Seconds between two looks of Argo CD: a drift is healed at the second.
const ARGO_SECONDS: i64 = 5;
/// Flux' `spec.interval`, seconds.
const FLUX_SECONDS: i64 = 60;

/// What git says of a workload, and who sees to it.
#[derive(Debug)]
pub(super) struct Git {
    pub tool: GitOps,
    pub uid: String,
    pub created: Millis,
    pub generation: u32,
    pub labels: Labels,
    pub annotations: Labels,
    /// `spec` of the custom resource, as it was last written.
    pub spec: Value,
    /// Replicas in git.
    pub replicas: u32,
    /// Image tag in git.
    pub tag: String,
    /// The commit.
    pub revision: String,
    /// Since when the cluster is not as git has it.
    pub drifted: Option<Millis>,
    /// The generation it last saw: behind while it is suspended.
    pub observed: u32,
    /// When it last looked.
    pub looked: Millis,
    /// When it last applied.
    pub applied: Millis,
}

impl Git {
    /// Whether it looks at nothing, and its status stays as it was
    /// (<https://argo-cd.readthedocs.io/en/stable/user-guide/skip_reconcile/>,
    /// <https://fluxcd.io/flux/components/kustomize/kustomizations/#suspend>).
    fn rests(&self) -> bool {
        match self.tool {
            GitOps::ArgoCd => {
                let skipped = self.annotations.get("argocd.argoproj.io/skip-reconcile");
                skipped.is_some_and(|s| {
                    matches!(s.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True")
                })
            }
            GitOps::Flux => self.spec["suspend"] == json!(true),
        }
    }

    /// Whether it puts drift right by itself.
    pub(super) fn heals(&self) -> bool {
        let may = match self.tool {
            GitOps::ArgoCd => {
                let automated = &self.spec["syncPolicy"]["automated"];
                automated.is_object()
                    && automated["enabled"] != json!(false)
                    && automated["selfHeal"] == json!(true)
            }
            GitOps::Flux => true,
        };
        may && !self.rests()
    }

    fn period(&self) -> i64 {
        match self.tool {
            GitOps::ArgoCd => ARGO_SECONDS,
            GitOps::Flux => FLUX_SECONDS,
        }
    }

    /// The field manager it writes as, and how.
    pub(super) fn manager(&self) -> (&'static str, Operation) {
        match self.tool {
            GitOps::ArgoCd => ("argocd-controller", Operation::Update),
            GitOps::Flux => ("kustomize-controller", Operation::Apply),
        }
    }

    /// Namespace of its custom resource.
    pub(super) fn namespace(&self) -> &'static str {
        self.tool.namespace()
    }

    fn resource(&self) -> Resource {
        match self.tool {
            GitOps::ArgoCd => Resource::Applications,
            GitOps::Flux => Resource::Kustomizations,
        }
    }
}

impl Cluster {
    /// Puts a workload under GitOps, as its specification says.
    pub(super) fn found_git(&mut self, id: WorkloadId, tag: &str) {
        let workload = self.workload(id);
        let Some(tool) = workload.spec.gitops else {
            return;
        };
        let (key, kind, replicas) = (workload.key.clone(), workload.spec.kind, workload.desired);
        let created = workload.created;
        let (uid, hash) = (
            self.dice.uid(),
            format!("{:016x}{:016x}", self.dice.bits(), self.dice.bits()),
        );
        let path = format!("clusters/{}/{}/{}", self.spec.name, key.namespace, key.name);
        let spec = match tool {
            GitOps::ArgoCd => json!({
                "project": "default",
                "source": { "repoURL": "https://git.example/platform/deploy.git", "path": path, "targetRevision": "main" },
                "destination": { "server": "https://kubernetes.default.svc", "namespace": key.namespace },
                "syncPolicy": { "automated": { "prune": true, "selfHeal": true } },
            }),
            GitOps::Flux => json!({
                "interval": "1m0s", "path": format!("./{path}"), "prune": true,
                "sourceRef": { "kind": "GitRepository", "name": "platform" },
            }),
        };
        let workload = self.workload_mut(id);
        match tool {
            GitOps::ArgoCd => {
                let tracking = format!(
                    "{}:apps/{}:{}/{}",
                    key.name,
                    kind.as_str(),
                    key.namespace,
                    key.name
                );
                workload
                    .annotations
                    .insert("argocd.argoproj.io/tracking-id".into(), tracking);
            }
            GitOps::Flux => {
                let label = |what: &str| format!("kustomize.toolkit.fluxcd.io/{what}");
                workload.labels.insert(label("name"), key.name.clone());
                workload
                    .labels
                    .insert(label("namespace"), tool.namespace().into());
            }
        }
        let git = Git {
            tool,
            uid,
            created,
            generation: 1,
            observed: 1,
            labels: Labels::new(),
            annotations: Labels::new(),
            spec,
            replicas,
            tag: tag.to_owned(),
            revision: hash.chars().chain("00000000".chars()).take(40).collect(),
            drifted: None,
            looked: created,
            applied: created,
        };
        let (manager, operation) = git.manager();
        workload.git = Some(git);
        self.credit(id, manager, operation, "");
        let first = self.dice.between(1, 5);
        self.agenda.at(self.now.plus_seconds(first), Task::Git(id));
    }

    /// The tool looks again and again.
    pub(super) fn compare_with_git(&mut self, id: WorkloadId) {
        let Some(git) = &self.workload(id).git else {
            return;
        };
        let next = self.now.plus_seconds(git.period());
        self.agenda.at(next, Task::Git(id));
        self.look_at_git(id, false);
    }

    /// Compares the workload with git, and puts it right when it may. `anew` because its own object was changed.
    fn look_at_git(&mut self, id: WorkloadId, anew: bool) {
        let now = self.now;
        let workload = self.workload(id);
        let Some(git) = workload.git.as_ref().filter(|git| !git.rests()) else {
            return;
        };
        let tag = workload.current().map(|r| r.tag.clone());
        let drifts = workload.desired != git.replicas || tag.as_deref() != Some(git.tag.as_str());
        let (heals, known, at_once) =
            (git.heals(), git.drifted.is_some(), git.tool == GitOps::Flux);
        if let Some(git) = &mut self.workload_mut(id).git {
            git.observed = git.generation;
            if anew || drifts || heals && at_once || now.since(git.looked) >= 180_000 {
                git.looked = now;
            }
            git.drifted = if drifts {
                Some(git.drifted.unwrap_or(now))
            } else {
                None
            };
        }
        if drifts && heals && (known || at_once) {
            self.heal(id);
        }
        self.show_git(id);
    }

    fn heal(&mut self, id: WorkloadId) {
        let now = self.now;
        let workload = self.workload_mut(id);
        let Some(git) = &mut workload.git else { return };
        (git.drifted, git.applied) = (None, now);
        let (replicas, tag) = (git.replicas, git.tag.clone());
        let (manager, operation) = git.manager();
        let template = workload
            .revisions
            .iter()
            .filter(|r| r.tag == tag)
            .max_by_key(|r| r.number)
            .map(|r| r.template.clone());
        if workload.desired != replicas {
            self.credit(id, manager, operation, "");
            self.set_desired(id, replicas);
        }
        let other = self.workload(id).current().is_none_or(|r| r.tag != tag);
        if let Some(template) = template.filter(|_| other) {
            self.adopt_template(id, template);
        }
        self.git_says(id);
    }

    fn git_says(&mut self, id: WorkloadId) {
        let workload = self.workload(id);
        let Some(git) = &workload.git else { return };
        let (kind, api_version, voice, reason, message) = match git.tool {
            GitOps::ArgoCd => (
                "Application",
                "argoproj.io/v1alpha1",
                "argocd-application-controller",
                "OperationCompleted",
                format!("Partial sync operation to {} succeeded", git.revision),
            ),
            GitOps::Flux => (
                "Kustomization",
                "kustomize.toolkit.fluxcd.io/v1",
                "kustomize-controller",
                "Progressing",
                format!(
                    "{}/{}/{} configured",
                    workload.spec.kind.as_str(),
                    workload.key.namespace,
                    workload.key.name
                ),
            ),
        };
        let about = About {
            kind,
            api_version,
            namespace: git.namespace().to_owned(),
            name: workload.key.name.clone(),
            uid: git.uid.clone(),
        };
        self.say(
            about,
            Voice::Component(voice),
            Tone::Normal,
            reason,
            message,
        );
    }

    /// A release pipeline commits a tag.
    pub(super) fn commit_tag(&mut self, key: &WorkloadKey, tag: &str) {
        let revision = format!("{:016x}{:016x}00000000", self.dice.bits(), self.dice.bits());
        if let Some(id) = self.find(key)
            && let Some(git) = &mut self.workload_mut(id).git
        {
            (git.tag, git.revision) = (tag.to_owned(), revision);
        }
    }

    /// The workload of an Application or Kustomization.
    pub(super) fn kept_by(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
    ) -> Option<WorkloadId> {
        let mine = |g: &Git| g.resource() == resource && g.namespace() == namespace;
        let found = self
            .workloads
            .iter()
            .find(|w| w.key.name == name && w.git.as_ref().is_some_and(mine));
        found.map(|w| w.id)
    }

    /// Takes over a changed Application or Kustomization.
    pub(super) fn write_git(
        &mut self,
        resource: Resource,
        namespace: &str,
        name: &str,
        new: &Value,
    ) -> Result<(), WriteError> {
        let id = self
            .kept_by(resource, namespace, name)
            .ok_or(WriteError::NotFound)?;
        let Some(git) = &mut self.workload_mut(id).git else {
            return Err(WriteError::NotFound);
        };
        git.generation += u32::from(git.spec != new["spec"]);
        git.spec = new["spec"].clone();
        git.labels = strings(&new["metadata"]["labels"]);
        git.annotations = strings(&new["metadata"]["annotations"]);
        self.look_at_git(id, true);
        self.show_git(id);
        Ok(())
    }
}
