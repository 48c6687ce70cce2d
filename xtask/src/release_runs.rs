//! Tests that are run once more, optimised and with more cases.

use crate::session::{Outcome, Session};

/// One release run.
struct Run {
    package: &'static str,
    /// The test target.
    target: &'static str,
    /// Its file, or its folder.
    file: &'static str,
    /// Environment variables: name, value, value with `--full`.
    sizes: &'static [(&'static str, &'static str, &'static str)],
    /// The plain run has the normal sizes already.
    in_full_only: bool,
}

/// All release runs. Tests marked `#[ignore]` run here too.
const RUNS: &[Run] = &[
    Run {
        package: "tollgate",
        target: "properties",
        file: "tests/properties",
        sizes: &[
            ("TOLLGATE_PROGRAMS", "100000", "1000000"),
            ("TOLLGATE_OPERATIONS", "1000000", "10000000"),
            ("TOLLGATE_CHANGES", "20000", "1000000"),
        ],
        in_full_only: false,
    },
    Run {
        package: "tollgate",
        target: "file_store",
        file: "tests/file_store",
        sizes: &[
            ("TOLLGATE_KILLS", "1000", "10000"),
            ("TOLLGATE_PROCESSES", "16", "16"),
            ("TOLLGATE_ROTATIONS", "50", "600"),
        ],
        in_full_only: false,
    },
    Run {
        package: "tollgate",
        target: "simulation",
        file: "tests/simulation",
        sizes: &[("TOLLGATE_SCHEDULES", "1000000", "5000000")],
        in_full_only: false,
    },
    Run {
        package: "tollgate-parity",
        target: "origins",
        file: "adapters/parity/tests/origins",
        sizes: &[("TOLLGATE_ADDRESSES", "50000", "1000000")],
        in_full_only: true,
    },
    Run {
        package: "tollgate-redis",
        target: "fleet",
        file: "adapters/redis/tests/fleet",
        sizes: &[
            ("TOLLGATE_ROUNDS", "3", "50"),
            ("TOLLGATE_CRASHES", "2", "50"),
        ],
        in_full_only: true,
    },
    Run {
        package: "tollgate-redis",
        target: "faults",
        file: "adapters/redis/tests/faults",
        sizes: &[
            ("TOLLGATE_REDIS_RESTARTS", "10", "100"),
            ("TOLLGATE_REDIS_CUT_EVERY", "11", "1"),
            ("TOLLGATE_REDIS_PROGRAMS", "48", "1500"),
            ("TOLLGATE_REDIS_STOPPED_MS", "1000", "5000"),
        ],
        in_full_only: true,
    },
    Run {
        package: "tollgate-parity",
        target: "faults",
        file: "adapters/parity/tests/faults",
        sizes: &[("FAULTS_CANCELS", "16", "500")],
        in_full_only: true,
    },
];

pub(crate) fn run(session: &mut Session) -> Outcome {
    for run in RUNS {
        if run.in_full_only && !session.full {
            continue;
        }
        if !session.has(run.file) && !session.has(&format!("{}.rs", run.file)) {
            session.missing(&format!(
                "release: there is no test `{}` of {} yet (`{}`)",
                run.target, run.package, run.file
            ))?;
            continue;
        }
        let mut command = session.cargo([
            "test",
            "--release",
            "--package",
            run.package,
            "--test",
            run.target,
            "--",
            "--include-ignored",
        ]);
        for (name, normal, full) in run.sizes {
            command.env(name, if session.full { full } else { normal });
        }
        session.run(&mut command)?;
    }
    Ok(())
}
