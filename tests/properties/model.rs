//! The reference: what a program has to log, by axios's rules and our laws.
//!
//! Written from the prose alone and as flatly as possible: lists of hooks, a
//! loop of attempts, two walks. A message is the text that it carries.

use std::{collections::VecDeque, rc::Rc};

use crate::program::{Act, Edit, Half, Hook, Program, Reply, Side, When};

#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    text: String,
    /// A replay was asked for and not made.
    noted: bool,
}

#[derive(Clone, Debug)]
struct Failure {
    kind: &'static str,
    by: Option<String>,
    answer: Option<Answer>,
    notes: usize,
}

/// A registration: its number on its side, and what it does.
type Entry = (usize, Rc<Hook>);

pub(crate) struct Model {
    program: Program,
    request: Vec<Entry>,
    response: Vec<Entry>,
    /// How many were ever registered, request and response.
    counts: [usize; 2],
    replies: VecDeque<Reply>,
    log: Vec<String>,
}

pub(crate) fn run(program: &Program) -> Vec<String> {
    let mut model = Model {
        program: program.clone(),
        request: Vec::new(),
        response: Vec::new(),
        counts: [0, 0],
        replies: program.replies.iter().copied().collect(),
        log: Vec::new(),
    };
    for hook in &program.hooks {
        model.register(hook);
    }
    for call in 0..program.calls {
        let fifo = program.fifo != (program.odd_call == Some(call));
        let (result, attempts) = model.call(fifo);
        let end = match result {
            Ok(it) => format!("=> {} [{}] noted {} ", it.status, it.text, it.noted),
            Err(it) => format!(
                "=> {} by {:?} with {:?} notes {} ",
                it.kind,
                it.by,
                it.answer.map(|answer| (answer.status, answer.text)),
                it.notes
            ),
        };
        model.log.push(end + &attempts.to_string());
    }
    model.log
}

pub(crate) fn name(side: Side, number: usize) -> String {
    match side {
        Side::Request => format!("q{number}"),
        Side::Response => format!("s{number}"),
    }
}

fn thrown(name: &str) -> Failure {
    Failure {
        kind: "Interceptor",
        by: Some(name.to_owned()),
        answer: None,
        notes: 0,
    }
}

impl Model {
    fn list(&mut self, side: Side) -> &mut Vec<Entry> {
        match side {
            Side::Request => &mut self.request,
            Side::Response => &mut self.response,
        }
    }

    fn register(&mut self, hook: &Hook) {
        let number = self.counts[hook.side as usize];
        self.counts[hook.side as usize] += 1;
        self.list(hook.side).push((number, Rc::new(hook.clone())));
    }

    fn edit(&mut self, side: Side, number: usize, half: Half) {
        match half.edit {
            None => {}
            Some(Edit::EjectSelf) => self.list(side).retain(|(it, _)| *it != number),
            Some(Edit::Eject(side, victim)) => self.list(side).retain(|(it, _)| *it != victim),
            Some(Edit::Clear(side)) => self.list(side).clear(),
            Some(Edit::Use(spare)) => {
                let hook = self.program.spares[spare].clone();
                self.register(&hook);
            }
        }
    }

    /// The hooks of a side that take part in this attempt.
    fn judge(
        &mut self,
        side: Side,
        hooks: &[Entry],
        attempt: u32,
    ) -> (Vec<Entry>, Option<Failure>) {
        let mut panicked = None;
        let mut kept = Vec::new();
        for (number, hook) in hooks {
            let name = name(side, *number);
            if hook.when != When::Always {
                self.log.push(format!("{name}?"));
            }
            match hook.when {
                When::Always | When::Holds => kept.push((*number, Rc::clone(hook))),
                When::FirstAttempt if attempt == 1 => kept.push((*number, Rc::clone(hook))),
                When::LaterAttempts if attempt > 1 => kept.push((*number, Rc::clone(hook))),
                When::Panics if panicked.is_none() => panicked = Some(thrown(&name)),
                _ => {}
            }
        }
        (kept, panicked)
    }

    fn call(&mut self, fifo: bool) -> (Result<Answer, Failure>, u32) {
        let (request, response) = (self.request.clone(), self.response.clone());
        let mut original = String::new();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (mut first, broken) = self.judge(Side::Request, &request, attempt);
            let (second, broken_too) = self.judge(Side::Response, &response, attempt);
            if !fifo {
                first.reverse();
            }
            let outcome = match broken.or(broken_too) {
                Some(failure) => Err(failure),
                None => self.out(&first, &original, attempt).and_then(settle),
            };
            match self.back(&second, outcome, attempt) {
                Ok(result) => return (result, attempt),
                Err(mark) => original.push_str(mark),
            }
        }
    }

    /// The request side and the wire.
    fn out(&mut self, hooks: &[Entry], original: &str, attempt: u32) -> Result<Answer, Failure> {
        let mut state: Result<String, Failure> = Ok(original.to_owned());
        for (number, hook) in hooks {
            let name = name(Side::Request, *number);
            let half = if state.is_ok() { hook.ok } else { hook.err };
            let Some(half) = half else { continue };
            self.log.push(match &state {
                Ok(text) => format!("{name}.ok #{attempt} [{text}]"),
                Err(failure) => format!("{name}.err #{attempt} {}", failure.kind),
            });
            self.edit(Side::Request, *number, half);
            state = match (half.act, state) {
                (Act::Throw | Act::Panic, _) => Err(thrown(&name)),
                (Act::Answer(status), _) => {
                    return Ok(Answer {
                        status,
                        text: name,
                        noted: false,
                    });
                }
                (Act::Recover, Err(_)) if !self.program.one_shot => Ok(original.to_owned()),
                (_, Ok(text)) => Ok(text + &name),
                (_, Err(failure)) => Err(failure),
            };
        }
        let text = state?;
        self.log.push(format!("T [{text}]"));
        match self.replies.pop_front().unwrap_or(Reply::Status(200)) {
            Reply::Status(status) => Ok(Answer {
                status,
                text: String::new(),
                noted: false,
            }),
            Reply::Fail => Err(Failure {
                kind: "Transport",
                by: None,
                answer: None,
                notes: 0,
            }),
        }
    }

    /// The response side; `Err` is the mark for the original of a replay.
    fn back(
        &mut self,
        hooks: &[Entry],
        outcome: Result<Answer, Failure>,
        attempt: u32,
    ) -> Result<Result<Answer, Failure>, &'static str> {
        let mut state = outcome;
        for (number, hook) in hooks {
            let name = name(Side::Response, *number);
            let half = if state.is_ok() { hook.ok } else { hook.err };
            let Some(half) = half else { continue };
            self.log.push(match &state {
                Ok(it) => format!("{name}.ok #{attempt} {} [{}]", it.status, it.text),
                Err(it) => format!("{name}.err #{attempt} {}", it.kind),
            });
            self.edit(Side::Response, *number, half);
            state = match (half.act, state) {
                (Act::Throw | Act::Panic, _) => Err(thrown(&name)),
                (Act::Answer(status), _) => Ok(Answer {
                    status,
                    text: name,
                    noted: false,
                }),
                (Act::Replay(until) | Act::ReplayWith(until), state) if attempt < until => {
                    if attempt < self.program.max_attempts && !self.program.one_shot {
                        let with = matches!(half.act, Act::ReplayWith(_)) && state.is_err();
                        return Err(if with { "+" } else { "" });
                    }
                    match state {
                        Ok(answer) => Ok(Answer {
                            noted: true,
                            ..answer
                        }),
                        Err(failure) => Err(Failure {
                            notes: failure.notes + 1,
                            ..failure
                        }),
                    }
                }
                (_, Ok(answer)) => Ok(Answer {
                    text: answer.text + &name,
                    ..answer
                }),
                (_, Err(failure)) => Err(failure),
            };
        }
        Ok(state)
    }
}

/// A status outside 2xx is a failure that holds its answer.
fn settle(answer: Answer) -> Result<Answer, Failure> {
    if (200..300).contains(&answer.status) {
        return Ok(answer);
    }
    Err(Failure {
        kind: "Status",
        by: None,
        answer: Some(answer),
        notes: 0,
    })
}
