//! KEDA: a scaled object owns an autoscaler of its own and feeds it the depth of a queue; its annotations pause it.
//!
//! While it is paused KEDA deletes the autoscaler and makes it anew afterwards
//! (<https://keda.sh/docs/latest/concepts/scaling-deployments/#pausing-autoscaling>).

use super::agenda::Task;
use super::recorder::{About, Tone, Voice};
use super::resource::Resource;
use super::workload::{Autoscaler, Measure, Operation, Pause, WorkloadId};
use super::{Cluster, WorkloadKey};

/// Seconds until the operator reacts to a changed scaled object.
const REACTION_SECONDS: i64 = 1;
/// Seconds without messages after which it goes to zero, when it may (`cooldownPeriod`).
const COOLDOWN_SECONDS: i64 = 300;

impl Cluster {
    /// The operator is told that a scaled object changed.
    pub(super) fn tell_keda(&mut self, id: WorkloadId) {
        self.agenda
            .at(self.now.plus_seconds(REACTION_SECONDS), Task::Keda(id));
    }

    /// The operator brings the autoscaler of a scaled object in line with it.
    pub(super) fn reconcile_scaled(&mut self, id: WorkloadId) {
        let Some(scaled) = &self.workload(id).scaled else {
            return;
        };
        match scaled.pause() {
            Pause::No => self.unpause(id),
            Pause::Here => self.pause(id),
            Pause::At(n) => {
                self.pause(id);
                if self.workload(id).desired != n {
                    self.keda_scales(id, n);
                }
            }
        }
        self.show_scaled(id);
    }

    fn pause(&mut self, id: WorkloadId) {
        let workload = self.workload_mut(id);
        let Some(scaled) = &mut workload.scaled else {
            return;
        };
        let news = !std::mem::replace(&mut scaled.paused, true);
        let namespace = workload.key.namespace.clone();
        if let Some(hpa) = workload.hpa.take() {
            self.store
                .remove(Resource::HorizontalPodAutoscalers, &namespace, &hpa.name);
        }
        if news {
            let words = "ScaledObject is paused";
            self.scaled_says(id, "KEDAScalersStopped", "Stopped scalers watch");
            self.scaled_says(id, "ScaledObjectPaused", words);
        }
    }

    fn unpause(&mut self, id: WorkloadId) {
        let (now, uid) = (self.now, self.dice.uid());
        let workload = self.workload_mut(id);
        let Some(scaled) = &mut workload.scaled else {
            return;
        };
        let news = std::mem::take(&mut scaled.paused);
        let (min, max) = (scaled.bounds.0.max(1), scaled.bounds.1);
        let hpa = workload.hpa.get_or_insert_with(|| {
            let measure = Measure::Queue(scaled.length);
            let mut hpa = Autoscaler::new(scaled.hpa_name(), uid, now, (min, max), measure);
            hpa.desired = workload.desired;
            hpa
        });
        if (hpa.min, hpa.max) != (min, max) {
            hpa.advice.clear();
        }
        (hpa.min, hpa.max, hpa.held) = (min, max, scaled.held());
        hpa.measure = Measure::Queue(scaled.length);
        self.show_autoscaler(id);
        if news {
            self.scaled_says(id, "ScaledObjectUnpaused", "ScaledObject is unpaused");
            self.scaled_says(id, "KEDAScalersStarted", "Started scalers watch");
        }
    }

    fn keda_scales(&mut self, id: WorkloadId, replicas: u32) {
        self.credit(id, "keda", Operation::Update, "scale");
        self.set_desired(id, replicas);
    }

    fn scaled_says(&mut self, id: WorkloadId, reason: &'static str, message: &str) {
        let workload = self.workload(id);
        let Some(scaled) = &workload.scaled else {
            return;
        };
        let about = About {
            kind: "ScaledObject",
            api_version: "keda.sh/v1alpha1",
            namespace: workload.key.namespace.clone(),
            name: scaled.name.clone(),
            uid: scaled.uid.clone(),
        };
        let voice = Voice::Component("keda-operator");
        self.say(about, voice, Tone::Normal, reason, message.to_owned());
    }

    /// KEDA looks at the queue: it wakes what stands at zero, and puts to sleep what may and has nothing to do.
    pub(super) fn poll_queue(&mut self, id: WorkloadId) {
        let now = self.now;
        let desired = self.workload(id).desired;
        let Some(scaled) = &mut self.workload_mut(id).scaled else {
            return;
        };
        let was = scaled.active;
        scaled.active = scaled.visible > 0;
        if scaled.active {
            scaled.last_active = Some(now);
        }
        let news = was != scaled.active;
        if scaled.paused {
            return;
        }
        let (min, active) = (scaled.bounds.0, scaled.active);
        let idle = scaled
            .last_active
            .is_none_or(|at| now.since(at) >= COOLDOWN_SECONDS * 1000);
        if active && desired == 0 {
            self.scaled_says(id, "KEDAScaleTargetActivated", "Scaled from 0");
            self.keda_scales(id, min.max(1));
        } else if !active && desired > 0 && min == 0 && idle {
            let message = format!("Deactivated; scaled from {desired} to 0");
            self.scaled_says(id, "KEDAScaleTargetDeactivated", &message);
            self.keda_scales(id, 0);
        } else if !active && desired < min {
            self.keda_scales(id, min);
        }
        if news {
            self.show_scaled(id);
        }
    }

    /// Tells KEDA how many messages are visible in the workload's queue.
    pub fn set_queue_depth(&mut self, key: &WorkloadKey, visible: u64) {
        if let Some(id) = self.find(key)
            && let Some(scaled) = &mut self.workload_mut(id).scaled
        {
            scaled.visible = visible;
        }
    }
}
