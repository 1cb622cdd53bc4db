//! The shortest tape that still shows a mistake.

/// Tries of one search: enough for tapes of some hundred choices, and soon over.
const TRIES_MAX: usize = 4_000;

/// Cuts pieces out of a failing tape and makes its choices simpler, as long as it still fails.
pub fn shrink(tape: Vec<u32>, fails: impl Fn(&[u32]) -> bool) -> Vec<u32> {
    shrink_within(TRIES_MAX, tape, fails)
}

/// The same with fewer or more tries.
pub fn shrink_within(
    tries_max: usize,
    mut tape: Vec<u32>,
    fails: impl Fn(&[u32]) -> bool,
) -> Vec<u32> {
    let mut tries = 0;
    loop {
        let before = tape.clone();
        let mut piece = tape.len().next_power_of_two();
        while piece > 0 && tries < tries_max {
            let mut at = 0;
            while at < tape.len() && tries < tries_max {
                let end = (at + piece).min(tape.len());
                let cut = [&tape[..at], &tape[end..]].concat();
                let mut zeroed = tape.clone();
                zeroed[at..end].fill(0);
                tries += 2;
                if fails(&cut) {
                    tape = cut;
                } else if zeroed != tape && fails(&zeroed) {
                    tape = zeroed;
                    at = end;
                } else {
                    at = end;
                }
            }
            piece /= 2;
        }
        if tape == before || tries >= tries_max {
            return tape;
        }
    }
}
