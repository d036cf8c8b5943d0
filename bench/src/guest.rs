// SPDX-License-Identifier: GPL-2.0-only
//! What is measured in a guest: ways to walk CPUs, over masks, each in a BPF program.

use serde::{Deserialize, Serialize};

/// What `cargo xtask bench` measured on one kernel and one accelerator.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Results {
    /// `uname -r`.
    pub kernel: String,
    /// The emulator, its accelerator and the guest's CPUs.
    pub machine: String,
    /// What was run.
    pub command: String,
    /// By number of possible CPUs.
    pub boots: Vec<Boot>,
}

/// What one boot measured. Times are in ticks of the guest's clock, the empty measurement taken
/// off; under QEMU's `-icount shift=0` a tick is an instruction.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Boot {
    /// One more than the highest possible CPU number.
    pub nr_cpu_ids: u32,
    /// `model name` in `/proc/cpuinfo`.
    pub cpu_model: String,
    /// The kernel and its compiler: `/proc/version`.
    pub version: String,
    /// The empty measurement itself.
    pub empty: u64,
    /// The ways to walk.
    pub methods: Vec<Method>,
}

/// One way to walk the CPUs of a mask.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Method {
    /// The stem of its program's file in `tests/programs/bench`.
    pub name: String,
    /// Instructions that the verifier looked at.
    pub verified_insns: u32,
    /// Microseconds that the verifier took, by its own log.
    pub verification_usec: u64,
    /// Ticks to make the iterator and to destroy it, without a step; `None` if there is none.
    pub make: Option<u64>,
    /// Whole walks, body included.
    pub walks: Vec<Walk>,
}

impl Boot {
    /// The method of this name.
    pub fn method(&self, name: &str) -> Option<&Method> {
        self.methods.iter().find(|method| method.name == name)
    }
}

impl Method {
    /// The ticks of a walk over a mask of this shape.
    pub fn ticks(&self, shape: Shape) -> Option<u64> {
        let walk = self.walks.iter().find(|walk| walk.shape == shape);
        walk.map(|walk| walk.ticks)
    }
}

/// A whole walk over one mask.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Walk {
    /// The mask's shape.
    pub shape: Shape,
    /// CPUs that the walk came by.
    pub visited: u64,
    /// What it took.
    pub ticks: u64,
}

/// The shape of a mask over all possible CPUs.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Every CPU.
    All,
    /// Every second one, from CPU 0 on.
    Second,
    /// Every eighth one, from CPU 0 on.
    Eighth,
    /// CPU 0.
    First,
    /// The last possible CPU.
    Last,
    /// One in 20, at random, but the same ones each time; at least one.
    Random,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 6] = [
        Self::All,
        Self::Second,
        Self::Eighth,
        Self::First,
        Self::Last,
        Self::Random,
    ];

    /// As tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Second => "every second",
            Self::Eighth => "1 of 8",
            Self::First => "first only",
            Self::Last => "last only",
            Self::Random => "random 5 %",
        }
    }

    /// The CPUs of a mask of this shape below `nr_cpu_ids`, in ascending order.
    pub fn cpus(self, nr_cpu_ids: u32) -> Vec<u32> {
        match self {
            Self::All => (0..nr_cpu_ids).collect(),
            Self::Second => (0..nr_cpu_ids).step_by(2).collect(),
            Self::Eighth => (0..nr_cpu_ids).step_by(8).collect(),
            Self::First => vec![0],
            Self::Last => vec![nr_cpu_ids - 1],
            Self::Random => random(nr_cpu_ids, nr_cpu_ids.div_ceil(20)),
        }
    }
}

/// `count` different CPUs: Knuth's selection sampling (TAOCP 3.4.2, algorithm S) on a
/// linear congruential generator.
fn random(nr_cpu_ids: u32, count: u32) -> Vec<u32> {
    let mut state = 1_u64;
    let mut cpus = Vec::new();
    for cpu in 0..nr_cpu_ids {
        // Knuth's MMIX; its high bits are the good ones.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let wanted = u64::from(count) - cpus.len() as u64;
        if (state >> 33) * u64::from(nr_cpu_ids - cpu) < wanted << 31 {
            cpus.push(cpu);
        }
    }
    cpus
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_cpus_are_as_many_as_asked_for() {
        for nr_cpu_ids in [1, 2, 8, 64, 100, 128, 512] {
            let cpus = Shape::Random.cpus(nr_cpu_ids);
            assert_eq!(cpus.len(), nr_cpu_ids.div_ceil(20) as usize);
            assert!(cpus.is_sorted_by(|a, b| a < b));
            assert!(cpus.iter().all(|&cpu| cpu < nr_cpu_ids));
        }
    }
}
