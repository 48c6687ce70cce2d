//! The chain as text, in the order in which it runs.

use std::fmt::{self, Write};

use super::{Chain, Hook};
use crate::config::Order;

impl Chain {
    /// Writes one line for each interceptor, with the adapter in the middle.
    pub(crate) fn explain(&self, order: Order) -> String {
        let mut out = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write(order, &mut out);
        out
    }

    fn write(&self, order: Order, out: &mut String) -> fmt::Result {
        let rule = match order {
            Order::Lifo => "last registered first",
            Order::Fifo => "first registered first",
        };
        writeln!(out, "request interceptors, {rule}:")?;
        let request = self.request.iter();
        match order {
            Order::Lifo => write_side(request.rev(), out)?,
            Order::Fifo => write_side(request, out)?,
        }
        writeln!(out, "adapter, redirects, status policy")?;
        writeln!(out, "response interceptors, first registered first:")?;
        write_side(self.response.iter(), out)
    }
}

fn write_side<'a, H: ?Sized + 'a>(
    hooks: impl Iterator<Item = &'a Hook<H>>,
    out: &mut String,
) -> fmt::Result {
    let mut place = 0;
    for hook in hooks {
        place += 1;
        let when = if hook.condition.is_some() {
            ", when its condition holds"
        } else {
            ""
        };
        writeln!(
            out,
            "  {place}. {} ({}{when})",
            hook.named.name, hook.named.id
        )?;
    }
    if place == 0 {
        writeln!(out, "  none")?;
    }
    Ok(())
}
