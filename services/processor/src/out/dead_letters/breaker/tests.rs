use super::*;
use proptest::prelude::*;

const LIMITS: DeadLetterLimits = DeadLetterLimits {
    window_records: 10,
    records_min: 5,
    invalid_ratio_max: 0.5,
    pause_ms: 1_000,
    pause_max_ms: 8_000,
    trial_records: 4,
    watermark_hold_ms: 3_000,
};

fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("otlp_spans", number)
}

fn breakers(limits: DeadLetterLimits) -> Breakers {
    let mut breakers = Breakers::new(limits);
    (0..3).for_each(|number| breakers.begin(partition(number)));
    breakers.found(&BTreeMap::new());
    breakers
}

/// Reads records, `x` for a bad one; returns what became of each, `-` for one that was abandoned.
fn read(breakers: &mut Breakers, number: i32, records: &str, now_ms: i64) -> String {
    let verdict = |record| {
        let bad = (record == 'x').then_some("it is nonsense");
        match breakers.judge(&partition(number), bad, now_ms) {
            Verdict::GoOn => record,
            Verdict::Abandon => '-',
        }
    };
    records.chars().map(verdict).collect()
}

/// Writes down what is to be, and looks, as its owner does.
fn keep(breakers: &mut Breakers, written: &mut BTreeMap<TopicPartition, Pause>) {
    for (partition, pause) in breakers.unrecorded() {
        match pause.clone() {
            Some(pause) => written.insert(partition.clone(), pause),
            None => written.remove(&partition),
        };
        breakers.recorded(&partition, pause);
    }
    breakers.found(written);
}

#[test]
fn a_partition_that_cannot_be_read_is_paused_and_the_others_go_on() {
    for (records, outcome) in [
        ("xxxx", "xxxx"),
        ("xxxxxx", "xxxx--"),
        (".x.x.x.x.x", ".x.x.x.x.x"),
        (".x.x.xx.", ".x.x.x--"),
        ("..........xxxxxx", "..........xxxxx-"),
        ("xx.........xxx.xx", "xx.........xxx.xx"),
    ] {
        let mut breakers = breakers(LIMITS);
        assert_eq!(read(&mut breakers, 0, records, 0), outcome, "{records}");
        let is_paused = outcome.contains('-');
        assert_eq!(breakers.is_open(&partition(0)), is_paused, "{records}");
        assert_eq!(breakers.take_turns().len(), usize::from(is_paused));
        assert_eq!(read(&mut breakers, 1, "xx..", 0), "xx..");
    }
    let mut breakers = breakers(LIMITS);
    let _ = read(&mut breakers, 0, "xxxxx", 0);
    let [Turn::Paused(_, pause)] = &breakers.take_turns()[..] else {
        panic!("it was paused");
    };
    assert_eq!(
        pause.why,
        "5 of the last 5 records of otlp_spans/0 could not be read, the last because: it is nonsense"
    );
}

#[test]
fn no_tolerance_and_all_tolerance_can_be_set() {
    let never = DeadLetterLimits {
        invalid_ratio_max: 0.0,
        records_min: 1,
        ..LIMITS
    };
    assert_eq!(read(&mut breakers(never), 0, "..x.", 0), "..--");
    let always = DeadLetterLimits {
        invalid_ratio_max: 1.0,
        ..LIMITS
    };
    let records = "x".repeat(100);
    assert_eq!(read(&mut breakers(always), 0, &records, 0), records);
}

#[test]
fn after_the_pause_some_records_are_tried_and_each_failure_doubles_the_pause() {
    let mut breakers = breakers(LIMITS);
    let _ = read(&mut breakers, 0, "xxxxx", 0);
    let _ = breakers.take_turns();
    let mut now_ms = 0;
    for pause_ms in [1_000, 2_000, 4_000, 8_000, 8_000] {
        breakers.tick(now_ms + pause_ms - 1);
        assert!(breakers.is_open(&partition(0)), "{pause_ms}");
        now_ms += pause_ms;
        breakers.tick(now_ms);
        assert_eq!(
            breakers.take_turns(),
            [Turn::ReadsAgain(partition(0))],
            "{pause_ms}"
        );
        // Two of four are allowed.
        assert_eq!(read(&mut breakers, 0, "xxxx", now_ms), "xx--");
        assert!(matches!(&breakers.take_turns()[..], [Turn::Paused(..)]));
    }
    now_ms += 8_000;
    breakers.tick(now_ms);
    assert_eq!(read(&mut breakers, 0, ".x..x", now_ms), ".x..x");
    let turns = breakers.take_turns();
    assert_eq!(turns[1..], [Turn::GoesOn(partition(0))]);
    assert_eq!(breakers.pauses().count(), 0);
}

#[test]
fn a_trial_of_a_partition_that_has_little_to_try_ends_by_itself() {
    let mut breakers = breakers(LIMITS);
    let _ = read(&mut breakers, 0, "xxxxx", 0);
    breakers.tick(1_000);
    let _ = (read(&mut breakers, 0, ".", 1_000), breakers.take_turns());
    breakers.tick(1_999);
    assert_eq!(breakers.take_turns(), []);
    breakers.tick(2_000);
    assert_eq!(breakers.take_turns(), [Turn::GoesOn(partition(0))]);
}

#[test]
fn a_paused_partition_holds_time_back_for_so_long_and_no_longer() {
    let mut breakers = breakers(LIMITS);
    let _ = read(&mut breakers, 0, "xxxxx", 0);
    assert_eq!(breakers.passed_by(2_999).count(), 0);
    breakers.tick(2_000);
    let _ = read(&mut breakers, 0, "xxx", 2_000);
    // A trial that fails does not begin the count anew.
    assert_eq!(
        breakers.passed_by(3_000).collect::<Vec<_>>(),
        [&partition(0)]
    );
    breakers.tick(4_000);
    assert_eq!(breakers.passed_by(4_000).count(), 0, "it is being read");
}

#[test]
fn a_restart_and_another_owner_find_what_is_paused() {
    let mut written = BTreeMap::new();
    let mut first = breakers(LIMITS);
    let _ = read(&mut first, 0, "xxxxx", 0);
    keep(&mut first, &mut written);
    let mut second = Breakers::new(LIMITS);
    second.begin(partition(0));
    second.begin(partition(1));
    keep(&mut second, &mut written);
    assert!(second.is_open(&partition(0)) && !second.is_open(&partition(1)));
    assert!(matches!(&second.take_turns()[..], [Turn::Paused(..)]));
    second.tick(1_000);
    assert_eq!(read(&mut second, 0, "....", 1_000), "....");
    keep(&mut second, &mut written);
    assert_eq!(written, BTreeMap::new());
}

#[test]
fn bad_records_wait_until_somebody_has_looked() {
    let mut breakers = Breakers::new(LIMITS);
    (0..2).for_each(|number| breakers.begin(partition(number)));
    assert_eq!(read(&mut breakers, 0, "..xx.x", 0), "..--.-");
    assert_eq!(read(&mut breakers, 1, "..", 0), "..");
    breakers.found(&BTreeMap::new());
    assert_eq!(breakers.take_turns(), [Turn::ReadsAgain(partition(0))]);
    breakers.found(&BTreeMap::new());
    assert_eq!(breakers.take_turns(), []);
    // What was good before counts once.
    assert_eq!(read(&mut breakers, 0, "..xx.x", 0), "..xx.x");
    assert_eq!(read(&mut breakers, 0, "x", 0), "-");
}

#[test]
fn what_an_operator_removes_goes_on_and_what_could_not_be_written_does_not() {
    let mut written = BTreeMap::new();
    let mut breakers = breakers(LIMITS);
    let _ = read(&mut breakers, 0, "xxxxx", 0);
    // The store was away: nothing was written, and nothing is there.
    breakers.found(&written);
    assert!(breakers.is_open(&partition(0)));
    keep(&mut breakers, &mut written);
    assert_eq!(written.len(), 1);
    let _ = breakers.take_turns();
    written.clear();
    keep(&mut breakers, &mut written);
    assert_eq!(
        breakers.take_turns(),
        [Turn::ReadsAgain(partition(0)), Turn::GoesOn(partition(0))]
    );
    assert_eq!(read(&mut breakers, 0, "xxxx", 0), "xxxx");
    assert_eq!(written, BTreeMap::new());
}

#[derive(Clone, Debug)]
enum Step {
    Read(i32, bool),
    Pass(i64),
    Keep,
    /// The partition goes to another process, and comes back.
    Move(i32),
    Resume(i32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..3, any::<bool>()).prop_map(|(number, bad)| Step::Read(number, bad)),
        3 => (0..5_000_i64).prop_map(Step::Pass),
        3 => Just(Step::Keep),
        1 => (0..3).prop_map(Step::Move),
        1 => (0..3).prop_map(Step::Resume),
    ]
}

/// One machine with its store and clock, and what became of the records of each partition.
struct World {
    breakers: Breakers,
    written: BTreeMap<TopicPartition, Pause>,
    now_ms: i64,
    outcomes: Vec<(i32, bool, Verdict)>,
}

impl World {
    fn new() -> Self {
        Self {
            breakers: breakers(LIMITS),
            written: BTreeMap::new(),
            now_ms: 0,
            outcomes: Vec::new(),
        }
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Read(number, bad) => {
                let why = bad.then_some("bad");
                let verdict = self.breakers.judge(&partition(number), why, self.now_ms);
                self.outcomes.push((number, bad, verdict));
            }
            Step::Pass(by_ms) => {
                self.now_ms += by_ms;
                self.breakers.tick(self.now_ms);
            }
            Step::Keep => keep(&mut self.breakers, &mut self.written),
            Step::Move(number) => {
                self.breakers.forget(&partition(number));
                self.breakers.begin(partition(number));
            }
            Step::Resume(number) => drop(self.written.remove(&partition(number))),
        }
    }
}

proptest! {
    #[test]
    fn a_partition_fares_alone_as_it_does_among_others(steps in prop::collection::vec(step(), 0..200)) {
        let (mut together, mut alone) = (World::new(), World::new());
        for step in &steps {
            together.play(step);
            let is_of_another = matches!(
                step,
                Step::Read(number, _) | Step::Move(number) | Step::Resume(number) if *number != 0
            );
            if !is_of_another {
                alone.play(step);
            }
        }
        let of_first = |world: &World| -> Vec<_> {
            let outcomes = world.outcomes.iter().filter(|(number, ..)| *number == 0);
            outcomes.cloned().collect()
        };
        prop_assert_eq!(of_first(&together), of_first(&alone));
    }

    #[test]
    fn it_is_paused_exactly_when_the_share_is_too_large(records in prop::collection::vec(any::<bool>(), 0..100)) {
        let mut breakers = breakers(LIMITS);
        for (n, bad) in records.iter().enumerate() {
            let verdict = breakers.judge(&partition(0), bad.then_some("bad"), 0);
            let window = &records[(n + 1).saturating_sub(LIMITS.window_records)..=n];
            let bad_ones = window.iter().filter(|bad| **bad).count();
            let is_too_much = *bad && window.len() >= LIMITS.records_min && bad_ones * 2 > window.len();
            prop_assert_eq!(verdict == Verdict::Abandon, is_too_much, "record {}", n);
            if is_too_much {
                break;
            }
        }
    }

    #[test]
    fn an_unreadable_topic_is_not_emptied_however_often_it_is_moved(steps in prop::collection::vec(step(), 0..200)) {
        let mut world = World::new();
        let (mut pauses, mut moves_before) = (0, 0);
        for step in steps {
            // Everything is bad, nobody says that it shall go on, and what is paused is written down before it moves.
            match step {
                Step::Read(..) => world.play(&Step::Read(0, true)),
                Step::Move(_) => {
                    moves_before += usize::from(pauses == 0);
                    world.play(&Step::Keep);
                    world.play(&Step::Move(0));
                    world.play(&Step::Keep);
                }
                Step::Resume(_) => {}
                other => world.play(&other),
            }
            let turns = world.breakers.take_turns();
            prop_assert!(!turns.contains(&Turn::GoesOn(partition(0))));
            pauses += turns.iter().filter(|turn| matches!(turn, Turn::Paused(..))).count();
        }
        let is_dead = |outcome: &&(i32, bool, Verdict)| outcome.2 == Verdict::GoOn;
        let dead = world.outcomes.iter().filter(is_dead).count();
        // Before the first pause, what is needed to judge; later what trials cost.
        let before = (1 + moves_before) * (LIMITS.records_min - 1);
        let trials = pauses * LIMITS.trial_records / 2;
        prop_assert!(dead <= before + trials, "{} dead, {} pauses", dead, pauses);
    }

    #[test]
    fn when_all_is_good_again_everything_goes_on(steps in prop::collection::vec(step(), 0..200)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.play(step));
        for _ in 0..2 {
            world.play(&Step::Keep);
            world.play(&Step::Pass(LIMITS.pause_max_ms as i64));
            for number in [0, 1, 2].repeat(LIMITS.window_records) {
                world.play(&Step::Read(number, false));
            }
        }
        world.play(&Step::Keep);
        prop_assert_eq!(world.breakers.pauses().count(), 0);
        prop_assert_eq!(world.written.len(), 0);
        let last = world.outcomes.len() - 3;
        prop_assert!(world.outcomes[last..].iter().all(|(.., verdict)| *verdict == Verdict::GoOn));
    }
}
