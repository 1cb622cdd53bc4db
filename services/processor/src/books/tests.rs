use super::*;

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
