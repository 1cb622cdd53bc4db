use super::*;
use store::Point;

const ROOM: Room = Room {
    records_max: 3,
    bytes_max: 1_000,
};

fn partition() -> TopicPartition {
    TopicPartition::new("otlp_spans", 0)
}

fn at(offset: i64, generation: u64) -> Position {
    Position {
        partition: partition(),
        offset,
        generation,
    }
}

fn assigned(generation: u64, start: Start) -> Event {
    Event::Assigned(vec![Begun {
        partition: partition(),
        generation,
        start: Some(start),
        is_from_beginning: false,
    }])
}

fn read(offset: i64, generation: u64) -> Event {
    Event::Read {
        at: at(offset, generation),
        record_ms: offset * 10,
        bytes: 1,
    }
}

/// Partition 0 read from offset 5 on, with as many records in flight as there is room for.
fn books() -> Books {
    let mut books = Books::new("test".to_owned(), Epoch::named("first"), ROOM);
    let start = Start {
        offset: 5,
        time_ms: Some(40),
    };
    books.on(assigned(1, start), 0);
    for offset in 5..8 {
        books.on(read(offset, 1), 0);
    }
    assert!(!books.has_room());
    books
}

fn progress(books: &Books) -> Option<(i64, Option<i64>)> {
    let progress = books.tracker.progress_of(&partition())?;
    Some((progress.next.offset, progress.done_watermark_ms))
}

#[test]
fn an_abandoned_record_makes_room_and_is_neither_done_nor_lost() {
    let mut books = books();
    books.on(Event::Done(at(5, 1)), 0);
    for offset in 6..8 {
        assert!(books.on(Event::Abandoned(at(offset, 1)), 0).is_empty());
    }
    assert_eq!((books.in_flight(), books.in_flight_bytes()), (0, 0));
    assert_eq!(progress(&books), Some((6, Some(60))));
    let commands = books.on(Event::ReadAgain(partition()), 0);
    let [Command::Seek(sought, to)] = &commands[..] else {
        panic!("{commands:?}");
    };
    let expected = Start {
        offset: 6,
        time_ms: Some(60),
    };
    assert_eq!((sought, to), (&partition(), &expected));
    // Until the client has turned nothing of it counts.
    assert_eq!(progress(&books), None);
    let late = books.on(read(8, 1), 0);
    assert!(matches!(&late[..], [Command::LeaveAlone(_)]), "{late:?}");
    assert!(books.on(Event::ReadAgain(partition()), 0).is_empty());
    books.on(assigned(2, *to), 0);
    books.on(read(6, 2), 0);
    books.on(Event::Done(at(6, 2)), 0);
    assert_eq!(progress(&books), Some((7, Some(60))));
}

#[test]
fn time_passes_a_paused_partition_by_until_it_is_read_again() {
    let mut books = books();
    let passed = |until_ms| Event::PassedBy {
        partition: partition(),
        until_ms,
    };
    books.on(passed(500), 0);
    books.on(passed(400), 0);
    assert_eq!(progress(&books), Some((5, Some(500))), "it never goes back");
    let commands = books.on(Event::ReadAgain(partition()), 0);
    let [Command::Seek(_, to)] = &commands[..] else {
        panic!("{commands:?}");
    };
    books.on(passed(600), 0);
    books.on(assigned(2, *to), 0);
    assert_eq!(progress(&books), Some((5, Some(50))));
}

/// What the store answers, of a partition of which it knows up to `next_offset`.
fn found(next_offset: i64) -> Answer {
    let point = Point {
        at_ms: 0,
        next_offset,
        time_ms: Some(next_offset * 10),
    };
    Answer::Looked(Found {
        epoch: Epoch::named("first"),
        is_intact: true,
        partitions: vec![PartitionProgress {
            topic: "otlp_spans".to_owned(),
            partition: 0,
            points: vec![point],
            watermark_ms: None,
        }],
    })
}

/// What the books ask and tell when they find that the store knows up to `next_offset`.
fn look(books: &mut Books, next_offset: i64) -> Vec<Command> {
    books.on(Event::Tick, 0);
    books.on(Event::Store(found(next_offset)), 0)
}

fn read_again(books: &mut Books, generation: u64) {
    let commands = books.on(Event::ReadAgain(partition()), 0);
    let [Command::Seek(_, to)] = &commands[..] else {
        panic!("{commands:?}");
    };
    books.on(assigned(generation, *to), 0);
}

#[test]
fn what_was_done_before_the_store_was_looked_at_is_not_taken_for_lost_when_the_rest_is_read_again()
{
    let mut books = books();
    books.on(Event::Done(at(5, 1)), 0);
    read_again(&mut books, 2);
    let commands = look(&mut books, 5);
    assert!(
        matches!(&commands[..], [Command::Ask(Ask::Claim { .. })]),
        "{commands:?}"
    );
    let commands = books.on(Event::Store(Answer::Claimed(Claimed::Yes)), 0);
    let [Command::Ask(Ask::Save { partitions, .. })] = &commands[..] else {
        panic!("{commands:?}");
    };
    let points = partitions[0].points.iter().map(|point| point.next_offset);
    assert_eq!(points.collect::<Vec<_>>(), [6, 5]);
}

#[test]
fn what_was_done_since_it_was_recorded_last_is_not_taken_for_lost_either() {
    let mut books = books();
    look(&mut books, 5);
    books.on(Event::Store(Answer::Claimed(Claimed::Yes)), 0);
    books.on(Event::Store(Answer::Saved(Saved::Yes)), 0);
    books.on(Event::Done(at(5, 1)), 0);
    read_again(&mut books, 2);
    let commands = look(&mut books, 5);
    assert!(
        matches!(&commands[..], [Command::Ask(Ask::Claim { .. })]),
        "{commands:?}"
    );
}

#[test]
fn a_partition_whose_beginning_has_expired_is_not_read_from_before_that_when_it_is_read_again() {
    let mut books = Books::new("test".to_owned(), Epoch::named("first"), ROOM);
    let start = Start {
        offset: 5,
        time_ms: Some(40),
    };
    books.on(
        Event::Assigned(vec![Begun {
            partition: partition(),
            generation: 1,
            start: Some(start),
            is_from_beginning: true,
        }]),
        0,
    );
    books.on(read(5, 1), 0);
    read_again(&mut books, 2);
    let commands = look(&mut books, 2);
    assert!(
        matches!(&commands[..], [Command::Ask(Ask::Claim { .. })]),
        "{commands:?}"
    );
}

#[test]
fn what_the_store_has_lost_is_read_again_though_the_rest_is_being_read_again() {
    let mut books = books();
    books.on(Event::Done(at(5, 1)), 0);
    read_again(&mut books, 2);
    let commands = look(&mut books, 3);
    let [
        Command::Seek(_, to),
        Command::Tell(Notice::StoreLacks { .. }),
        ..,
    ] = &commands[..]
    else {
        panic!("{commands:?}");
    };
    assert_eq!(to.offset, 3);
}
