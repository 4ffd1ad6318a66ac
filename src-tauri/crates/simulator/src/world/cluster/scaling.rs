//! The horizontal pod autoscalers: they look every quarter minute and write `replicas`, whoever wrote it before.

use std::collections::VecDeque;

use super::recorder::{About, Tone, Voice};
use super::workload::{Autoscaler, Limited, Measure, Operation, Workload, WorkloadId};
use super::{Cluster, Load, WorkloadKey};
use crate::clock::Millis;

/// Seconds between two looks of an autoscaler (`--horizontal-pod-autoscaler-sync-period`).
const SYNC_SECONDS: i64 = 15;
/// Window in which the highest recommendation holds the replicas up (`scaleDown.stabilizationWindowSeconds`).
const DOWN_WINDOW_MS: i64 = 300_000;
/// Ratios this close to one change nothing (`--horizontal-pod-autoscaler-tolerance`).
const TOLERANCE: f64 = 0.1;

impl Autoscaler {
    pub(super) fn new(
        name: String,
        uid: String,
        created: Millis,
        bounds: (u32, u32),
        measure: Measure,
    ) -> Self {
        Self {
            name,
            uid,
            created,
            min: bounds.0,
            max: bounds.1,
            measure,
            seen: None,
            desired: 0,
            last_scaled: None,
            advice: VecDeque::new(),
            limited: Limited::Free,
            limited_since: created,
            synced: created,
            labels: super::store::Labels::new(),
            annotations: super::store::Labels::new(),
            held: super::workload::Held::default(),
        }
    }

    /// Replicas the measure asks for, before bounds
    /// (<https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details>).
    pub(super) fn wish(&self, seen: f64, current: u32, ready: u32) -> u32 {
        let ratio = match self.measure {
            Measure::Cpu(target) => seen / f64::from(target.max(1)),
            Measure::Queue(each) => {
                return (seen / f64::from(each.max(1))).ceil().min(100_000.0) as u32;
            }
        };
        if (ratio - 1.0).abs() <= TOLERANCE || ready == 0 {
            return current;
        }
        (ratio * f64::from(ready)).ceil().min(100_000.0) as u32
    }

    /// The next number of replicas from a wish: bounds, the pace upwards, the window downwards.
    pub(super) fn settle(&mut self, wish: u32, current: u32, now: Millis) -> u32 {
        let floor = self.min;
        let (bounded, limited) = match wish {
            w if w > self.max => (self.max, Limited::AtMax),
            w if w < floor => (floor, Limited::AtMin),
            w => (w, Limited::Free),
        };
        if limited != self.limited {
            (self.limited, self.limited_since) = (limited, now);
        }
        self.advice.push_back((now, bounded));
        while self
            .advice
            .front()
            .is_some_and(|(at, _)| now.since(*at) > DOWN_WINDOW_MS)
        {
            self.advice.pop_front();
        }
        let held = self.advice.iter().map(|(_, n)| *n).max().unwrap_or(bounded);
        let next = if bounded >= current {
            bounded
        } else {
            held.min(current)
        };
        // At most double, or four more, per period: the default policies upwards.
        let next = next
            .min((current * 2).max(current + 4))
            .clamp(floor.min(self.max), self.max);
        if (self.held.down && next < current) || (self.held.up && next > current) {
            current
        } else {
            next
        }
    }
}

impl Cluster {
    /// Autoscalers whose turn it is look, and write `replicas`.
    pub(super) fn autoscale(&mut self, load: &dyn Fn(&WorkloadKey, &str) -> Load) {
        let second = self.now.seconds();
        for index in 0..self.workloads.len() {
            let turn = i64::try_from(index).unwrap_or(0);
            if (second + turn).rem_euclid(SYNC_SECONDS) != 0 {
                continue;
            }
            self.learn_load(index, load);
            let id = WorkloadId(index);
            self.poll_queue(id);
            self.sync(id);
            if self.workload(id).rolling.is_some() {
                self.touch(id);
            }
        }
    }

    fn seen(&self, workload: &Workload) -> Option<f64> {
        if let Some(scaled) = &workload.scaled {
            return Some(scaled.visible as f64);
        }
        let ready: u32 = workload.counts.ready;
        if ready == 0 {
            return None;
        }
        let (mut sum, mut pods) = (0.0, 0.0);
        for (az, n) in workload.zones.iter().enumerate() {
            sum += self.load_of(workload.id.0, az) * f64::from(*n);
            pods += f64::from(*n);
        }
        (pods > 0.0).then(|| sum / pods)
    }

    /// One look of an autoscaler. Outside its bounds it goes to the bound at once, whatever the metric says.
    fn sync(&mut self, id: WorkloadId) {
        let now = self.now;
        let workload = self.workload(id);
        let (current, ready) = (workload.desired, workload.counts.ready);
        let seen = self.seen(workload);
        let Some(hpa) = &mut self.workload_mut(id).hpa else {
            return;
        };
        (hpa.seen, hpa.synced) = (seen, now);
        // Replicas set to zero switch an autoscaler off.
        if current == 0 {
            hpa.desired = 0;
            self.show_autoscaler(id);
            return;
        }
        let (next, bound) = match seen {
            _ if current > hpa.max => (hpa.max, Some("above Spec.MaxReplicas")),
            _ if current < hpa.min => (hpa.min, Some("below Spec.MinReplicas")),
            Some(seen) => {
                let wish = hpa.wish(seen, current, ready);
                (hpa.settle(wish, current, now), None)
            }
            None => (current, None),
        };
        hpa.desired = next;
        if next != current {
            hpa.last_scaled = Some(now);
            let why = match bound {
                Some(bound) => format!("Current number of replicas {bound}"),
                None => self.why_rescaled(id, next > current),
            };
            self.rescale(id, next, &why);
        }
        self.show_autoscaler(id);
    }

    fn why_rescaled(&self, id: WorkloadId, up: bool) -> String {
        let workload = self.workload(id);
        if !up {
            return "All metrics below target".to_owned();
        }
        match workload.hpa.as_ref().map(|h| h.measure) {
            Some(Measure::Queue(_)) => format!(
                "external metric {}(&LabelSelector{{...}}) above target",
                super::render::metric_name(workload)
            ),
            Some(Measure::Cpu(_)) | None => {
                "cpu resource utilization (percentage of request) above target".to_owned()
            }
        }
    }

    fn rescale(&mut self, id: WorkloadId, next: u32, why: &str) {
        let workload = self.workload(id);
        let Some(hpa) = &workload.hpa else { return };
        let about = About {
            kind: "HorizontalPodAutoscaler",
            api_version: "autoscaling/v2",
            namespace: workload.key.namespace.clone(),
            name: hpa.name.clone(),
            uid: hpa.uid.clone(),
        };
        let message = format!("New size: {next}; reason: {why}");
        let voice = Voice::Component("horizontal-pod-autoscaler");
        self.say(about, voice, Tone::Normal, "SuccessfulRescale", message);
        self.credit(id, "kube-controller-manager", Operation::Update, "scale");
        self.set_desired(id, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hpa() -> Autoscaler {
        Autoscaler::new("a".into(), "u".into(), Millis(0), (4, 20), Measure::Cpu(70))
    }

    #[test]
    fn use_within_a_tenth_of_the_target_changes_nothing() {
        assert_eq!(hpa().wish(75.0, 8, 8), 8);
        assert_eq!(hpa().wish(98.0, 8, 8), 12);
    }

    #[test]
    fn up_at_once_and_down_after_the_window() {
        let mut hpa = hpa();
        assert_eq!(hpa.settle(12, 8, Millis(0)), 12);
        assert_eq!(hpa.settle(5, 12, Millis(60_000)), 12);
        assert_eq!(hpa.settle(5, 12, Millis(400_000)), 5);
    }

    #[test]
    fn the_bound_is_said() {
        let mut hpa = hpa();
        assert_eq!(hpa.settle(90, 18, Millis(0)), 20);
        assert_eq!(hpa.limited, Limited::AtMax);
    }
}
