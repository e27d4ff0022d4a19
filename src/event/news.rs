//! What the store has done on its own, as events.

use super::Event;
use crate::store::{News, Salvaged};

impl From<News> for Event {
    fn from(news: News) -> Self {
        match news {
            News::Lost => Self::CatalogLost,
            News::Salvaged(Salvaged { own, held, lost_pages }) => Self::CatalogDamaged { own, held, lost_pages },
            News::Obstacle { path, place } => Self::ObstacleSetAside { path, place },
            News::Unsettled { path, reason } => Self::LeftUnsettled { path, reason },
        }
    }
}
