//! Reading and writing Kafka, against the client's own mock broker: a real client, real groups, real connections.

mod kafka {
    mod apart;
    mod dead_letters;
    mod faults;
    mod flow;
    mod groups;
    mod publish;
    mod publishing;
    mod reading;
    mod service;
    mod stages;
    pub(crate) mod support;
}
