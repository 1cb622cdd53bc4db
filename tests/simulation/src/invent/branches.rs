//! What makes a conversation more than one line of messages: choices, second thoughts, summaries, calls on the side.

use super::strand::Step;
use super::{Inventor, asking};
use crate::script::{Feature, Line, ModelCall, ToolLine};
use domain::message::{Message, Role};
use domain::view::ToolStatus;

impl Inventor<'_> {
    /// One call gives several answers, and the conversation goes on from one of them.
    pub(super) fn choices(&mut self, is_last: bool) {
        self.feature(Feature::Choices);
        let count = 2 + self.tape.below(2);
        let texts: Vec<String> = (0..count).map(|_| self.new_text("choice")).collect();
        let taken = if is_last { 0 } else { self.tape.below(count) };
        let answers = texts
            .iter()
            .map(|text| Message::text_of(Role::Assistant, text));
        let answers: Vec<Message> = answers.collect();
        self.context_after_choice(&answers, taken);
        let mut order: Vec<usize> = (0..count).filter(|choice| *choice != taken).collect();
        order.push(taken);
        for choice in order {
            self.script.lines.push(Line {
                superseded: choice != taken,
                ..Line::of(Role::Assistant, Some(texts[choice].clone()))
            });
        }
    }

    fn context_after_choice(&mut self, answers: &[Message], taken: usize) {
        self.call(answers.to_vec());
        self.context.push(answers[taken].clone());
        self.said += 1;
    }

    /// Tools whose results never come: the user goes on without them, or the conversation ends here.
    pub(super) fn unanswered_tools(&mut self, is_last: bool) {
        self.feature(Feature::AbandonedTools);
        let asked = self.asked();
        let answer = asking(&asked);
        let unseen = self.call(vec![answer.clone()]);
        self.context.push(answer);
        self.said += 1;
        let tools = asked.iter().map(|asked| ToolLine {
            name: asked.name.to_owned(),
            arguments: Some(asked.arguments.clone()),
            result: None,
            status: ToolStatus::Pending,
            abandoned: !is_last,
        });
        self.script.lines.push(Line {
            unseen,
            tools: tools.collect(),
            ..Line::of(Role::Assistant, None)
        });
    }

    /// The same question once more: the answer before it is left.
    pub(super) fn regenerate(&mut self) {
        self.feature(Feature::Regenerated);
        self.context.pop();
        self.said -= 1;
        if let Some(line) = self.script.lines.last_mut() {
            line.superseded = true;
        }
        let text = self.new_text("better");
        self.says(text);
    }

    /// The user takes the last turn back and asks otherwise.
    pub(super) fn edit(&mut self, before: (usize, usize, u32)) {
        self.feature(Feature::Edited);
        self.context.truncate(before.0);
        self.said = before.2;
        for line in &mut self.script.lines[before.1..] {
            line.superseded |= !line.is_aside;
        }
        let text = self.new_text("edited");
        self.user_says(text);
        self.answer(true);
    }

    /// The client puts a summary in the place of older messages; it may have asked the model for one.
    pub(super) fn compact(&mut self) {
        let turns: Vec<usize> = (0..self.context.len())
            .filter(|index| self.context[*index].role == Role::User)
            .collect();
        let ends_with_answer = self
            .context
            .last()
            .is_some_and(|last| last.role == Role::Assistant && last.text().is_some());
        if turns.len() < 2 || !ends_with_answer {
            return;
        }
        self.feature(Feature::Compaction);
        let summary = self.new_text("Summary");
        let keeps = self.tape.chance(60);
        if self.tape.chance(30) {
            self.ask_for_summary(&summary, keeps);
        }
        let kept = if keeps {
            let from = turns[1 + self.tape.below(turns.len() - 1)];
            self.context[from..].to_vec()
        } else {
            Vec::new()
        };
        self.is_compacted = self.tape.chance(50);
        self.script.lines.push(Line {
            is_summary: keeps || self.is_compacted,
            ..Line::of(Role::User, Some(summary.clone()))
        });
        self.context = vec![Message::text_of(Role::User, &summary)];
        self.context.extend(kept);
        // Where nothing was kept, nothing tells a summary from what a user says, unless the call does.
        self.summary_is_said = !keeps && !self.is_compacted;
        self.said += u32::from(self.summary_is_said);
    }

    fn ask_for_summary(&mut self, summary: &str, keeps: bool) {
        let asked = self.new_text("Summarise");
        let context = self.context.clone();
        let said = self.said;
        self.user_says(asked);
        self.says(summary.to_owned());
        self.context = context;
        if keeps {
            // The conversation goes on beside it.
            self.said = said;
            let lines = self.script.lines.len();
            for line in &mut self.script.lines[lines - 2..] {
                line.superseded = true;
            }
        }
    }

    /// A call beside the conversation, such as one that makes up a title.
    pub(super) fn aside(&mut self) {
        self.feature(Feature::Asides);
        let asked = self.new_text("Title?");
        let told = self.new_text("Title");
        let answer = Message::text_of(Role::Assistant, &told);
        let call = ModelCall {
            parent: self.agent,
            history: vec![Message::text_of(Role::User, &asked)],
            ..self.new_call(vec![answer])
        };
        let id = call.id;
        self.strand.extend([Step::Call(call), Step::CallEnd(id)]);
        for (role, text) in [(Role::User, asked), (Role::Assistant, told)] {
            self.script.lines.push(Line {
                is_aside: true,
                ..Line::of(role, Some(text))
            });
        }
    }
}
