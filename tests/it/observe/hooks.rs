//! The hook as a real process: what it learns, how it is bounded, how it ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use horde_refd::category::Category;
use horde_refd::config::HooksConfig;
use horde_refd::observe::hooks::Hooks;

struct Bench {
    root: tempfile::TempDir,
    hooks: Hooks,
}

impl Bench {
    fn new(script: &str, timeout: Duration) -> Self {
        let root = tempfile::tempdir().unwrap();
        let config = HooksConfig {
            on_change: ["sh", "-c", script, "hook"].map(str::to_owned).to_vec(),
            on_trouble: Vec::new(),
            timeout,
        };
        let hooks = Hooks::spawn(&config, root.path());
        Self { root, hooks }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap_or_else(|_| panic!("never: {what}"));
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path)
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

fn alive(pid_file: &Path) -> bool {
    let pid: i32 = fs::read_to_string(pid_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    // A zombie that is not reaped yet is not alive.
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").starts_with(" Z"))
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn it_learns_what_changed_and_where() {
    let bench = Bench::new(
        r#"echo "$HORDE_REFD_CHANGED|$NOTIFY_SOCKET|$(cat)|$1" >> "$HORDE_REFD_BASE_PATH/out""#,
        LONG,
    );
    bench.hooks.changed(Vec::<Category>::new());
    bench.hooks.changed([Category::Lora, Category::Blip]);
    let out = bench.path("out");
    until("a run", || !lines(&out).is_empty()).await;
    assert_eq!(lines(&out), ["blip lora|||"]);
}

#[tokio::test]
async fn changes_while_it_runs_add_up_to_one_more_run() {
    let mut bench = Bench::new(
        r#"
        cd "$HORDE_REFD_BASE_PATH"
        mkdir running || echo overlap >> out
        echo "$HORDE_REFD_CHANGED" >> out
        while [ ! -e go ]; do sleep 0.01; done
        rmdir running
        "#,
        LONG,
    );
    let out = bench.path("out");
    bench.hooks.changed([Category::Lora]);
    until("the first run", || lines(&out).len() == 1).await;
    bench.hooks.changed([Category::Ti]);
    bench.hooks.changed([Category::Clip]);
    bench.hooks.changed([Category::Ti]);
    fs::write(bench.path("go"), "").unwrap();
    until("the second run", || lines(&out).len() == 2).await;
    until("its end", || !bench.path("running").exists()).await;
    bench.hooks.shutdown().await;
    assert_eq!(lines(&out), ["lora", "clip ti"]);
}

#[tokio::test]
async fn its_failure_changes_nothing() {
    let bench = Bench::new(r#"echo run >> "$HORDE_REFD_BASE_PATH/out"; exit 3"#, LONG);
    let out = bench.path("out");
    for runs in 1..=3 {
        bench.hooks.changed([Category::Lora]);
        until("a run", || lines(&out).len() == runs).await;
    }
    let missing = HooksConfig {
        on_change: vec!["/nonexistent/hook".to_owned()],
        on_trouble: Vec::new(),
        timeout: LONG,
    };
    let mut hooks = Hooks::spawn(&missing, Path::new("/"));
    hooks.changed([Category::Lora]);
    hooks.shutdown().await;
}

#[tokio::test]
async fn its_timeout_kills_the_whole_group_even_what_ignores_sigterm() {
    let bench = Bench::new(
        r#"
        cd "$HORDE_REFD_BASE_PATH"
        [ -e second ] && echo done >> second && exit
        sh -c 'trap "" TERM; echo $$ > grandchild.new; mv grandchild.new grandchild; while :; do sleep 1; done' &
        wait
        "#,
        Duration::from_millis(300),
    );
    bench.hooks.changed([Category::Lora]);
    let pid = bench.path("grandchild");
    until("the grandchild", || pid.exists()).await;
    until("its end", || !alive(&pid)).await;
    fs::write(bench.path("second"), "").unwrap();
    bench.hooks.changed([Category::Lora]);
    let second = bench.path("second");
    until("the next run", || lines(&second).len() == 1).await;
}

#[tokio::test]
async fn a_stop_kills_it_promptly() {
    let mut bench = Bench::new(
        r#"
        cd "$HORDE_REFD_BASE_PATH"
        trap "" TERM
        echo $$ > pid.new; mv pid.new pid
        while :; do sleep 1; done
        "#,
        LONG,
    );
    bench.hooks.changed([Category::Lora]);
    let pid = bench.path("pid");
    until("a run", || pid.exists()).await;
    let started = Instant::now();
    bench.hooks.shutdown().await;
    assert!(started.elapsed() < Duration::from_secs(5));
    until("its end", || !alive(&pid)).await;
}

#[tokio::test]
async fn much_output_does_not_block_it_and_a_process_left_behind_does_not_hold_it() {
    let bench = Bench::new(
        r#"
        cd "$HORDE_REFD_BASE_PATH"
        head -c 3000000 /dev/zero
        yes | head -n 100000 >&2
        sleep 60 & echo $! > left
        echo run >> out
        "#,
        LONG,
    );
    let out = bench.path("out");
    for runs in 1..=2 {
        bench.hooks.changed([Category::Lora]);
        until("a run", || lines(&out).len() == runs).await;
        let left = fs::read_to_string(bench.path("left")).unwrap();
        let pid = rustix::process::Pid::from_raw(left.trim().parse().unwrap()).unwrap();
        until("the run is over", || {
            // Ended here, so that the test leaves nothing behind.
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok()
        })
        .await;
    }
}
