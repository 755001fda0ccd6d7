//! A buffer of limited size that keeps a call's notifications until its response is written.

use mcp_protocol::Notification;

/// The maximum number of notifications that are kept for one call.
/// Source: ours. Nobody looks at more than a thousand steps of progress.
const MAX_NOTIFICATIONS: usize = 1000;

/// The maximum size of the texts that are kept for one call. Unit: bytes.
/// Source: ours. A response of Lambda may have six megabytes, and most of that must remain for the result.
const MAX_BYTES: usize = 256 * 1024;

/// The notifications of one call, in order.
#[derive(Debug, Default)]
pub(crate) struct NotificationBuffer {
    notifications: Vec<Notification>,
    bytes: usize,
    progress: Option<f64>,
    full: bool,
}

/// What happened to a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushOutcome {
    /// It was kept, or it did not have to be sent.
    Done,
    /// It was dropped because the buffer is full. It is the first dropped notification.
    FirstDropped,
    /// It was dropped, and earlier notifications were dropped too.
    Dropped,
}

impl NotificationBuffer {
    /// Reports whether a notification should be sent. MCP forbids progress that does not increase.
    pub(crate) fn should_send(&mut self, notification: &Notification) -> bool {
        if let Notification::Progress(progress) = notification {
            let value = progress.progress.as_f64();
            if self.progress >= value {
                return false;
            }
            self.progress = value;
        }
        true
    }

    /// Keeps a notification if it should be sent and the buffer has room for it.
    pub(crate) fn push(&mut self, notification: Notification) -> PushOutcome {
        if !self.should_send(&notification) {
            return PushOutcome::Done;
        }
        let bytes = match &notification {
            Notification::Progress(progress) => {
                progress.message.as_deref().unwrap_or_default().len()
            }
            Notification::Message(message) => {
                message.data.get().len() + message.logger.as_deref().unwrap_or_default().len()
            }
        };
        let has_room =
            self.notifications.len() < MAX_NOTIFICATIONS && self.bytes + bytes <= MAX_BYTES;
        if self.full || !has_room {
            let first = !self.full;
            self.full = true;
            return if first {
                PushOutcome::FirstDropped
            } else {
                PushOutcome::Dropped
            };
        }
        self.bytes += bytes;
        self.notifications.push(notification);
        PushOutcome::Done
    }

    pub(crate) fn into_notifications(self) -> Vec<Notification> {
        self.notifications
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn progress(value: serde_json::Value) -> Notification {
        let progress = json!({ "progress": value });
        Notification::Progress(serde_json::from_value(progress).expect("progress"))
    }

    fn message(length: usize) -> Notification {
        let message = json!({ "level": "info", "data": "x".repeat(length - 2) }).to_string();
        Notification::Message(serde_json::from_str(&message).expect("a message"))
    }

    #[test]
    fn progress_that_does_not_grow_is_not_sent() {
        let mut buffer = NotificationBuffer::default();
        for (value, told) in [
            (json!(-1), 1),
            (json!(-1), 1),
            (json!(-2), 1),
            (json!(0), 2),
            (json!(0.5), 3),
            (json!(0.5), 3),
            (json!(u64::MAX), 4),
            (json!(1), 4),
        ] {
            assert_eq!(buffer.push(progress(value.clone())), PushOutcome::Done);
            assert_eq!(buffer.notifications.len(), told, "progress: {value}");
        }
    }

    #[test]
    fn number_and_bytes_are_bounded_and_the_first_loss_is_reported_once() {
        let mut many = NotificationBuffer::default();
        for step in 0..MAX_NOTIFICATIONS {
            assert_eq!(many.push(progress(json!(step))), PushOutcome::Done);
        }
        assert_eq!(many.push(progress(json!(1e9))), PushOutcome::FirstDropped);
        assert_eq!(many.push(progress(json!(1e10))), PushOutcome::Dropped);
        assert_eq!(many.into_notifications().len(), MAX_NOTIFICATIONS);
        let mut large = NotificationBuffer::default();
        assert_eq!(large.push(message(MAX_BYTES)), PushOutcome::Done);
        assert_eq!(large.push(message(2)), PushOutcome::FirstDropped);
        // A notification after a gap would be misread, even if it fits.
        assert_eq!(large.push(progress(json!(1))), PushOutcome::Dropped);
        assert_eq!(large.into_notifications().len(), 1);
    }
}
