//! Somebody who is signed in, and so holds what opens their recordings.
//!
//! Deliberately absent: a way to get the key out of one.

use std::fmt;
use std::sync::Mutex;

use sotto_house::{PersonId, Role};

use crate::export::Progress;
use crate::keys::Secret;
use crate::record::Owner;
use crate::search::Remembered;
use crate::store::lock;

/// Somebody who has proved who they are, for as long as this value lives.
///
/// It cannot be made outside this crate, copied or printed:
///
/// ```compile_fail,E0451
/// let id = sotto_house::PersonId::from_bytes([1; 16]);
/// let forged = sotto_journal::Person { id, ..panic!() };
/// ```
///
/// ```compile_fail,E0277
/// fn copied<T: Clone>() {}
/// copied::<sotto_journal::Person>();
/// ```
pub struct Person {
    id: PersonId,
    name: String,
    role: Role,
    administrator: bool,
    secret: Secret,
    /// The house's secret, for an adult who was let into the house's recordings.
    house: Option<Secret>,
    /// The words this person has already opened, so that a search does not open them again.
    pub(crate) remembered: Mutex<Remembered>,
    /// How far the opening of what they have is, while a first search waits for it.
    pub(crate) opening: Mutex<Option<Progress>>,
}

impl Person {
    /// By whoever has just proved to be the one: [`crate::sign_in`].
    pub(crate) fn proved(
        id: PersonId,
        name: String,
        role: Role,
        administrator: bool,
        secret: Secret,
        house: Option<Secret>,
    ) -> Self {
        Person {
            id,
            name,
            role,
            administrator,
            secret,
            house,
            remembered: Mutex::default(),
            opening: Mutex::default(),
        }
    }

    pub fn id(&self) -> PersonId {
        self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn role(&self) -> Role {
        self.role
    }

    pub fn is_adult(&self) -> bool {
        self.role == Role::Adult
    }

    /// Looks after the machine; hears nobody by that alone.
    pub fn is_administrator(&self) -> bool {
        self.administrator
    }

    /// Whether the house's recordings open to this person.
    pub fn opens_house(&self) -> bool {
        self.house.is_some()
    }

    /// How far [`crate::Journal::prepare_search`] is, while a search would have to wait for it.
    pub fn opening(&self) -> Option<Progress> {
        *lock(&self.opening)
    }

    /// The secret that opens `owner`'s seals, if this person has it.
    pub(crate) fn secret_of(&self, owner: Owner) -> Option<&Secret> {
        match owner {
            Owner::Person(person) if person == self.id => Some(&self.secret),
            Owner::Person(_) => None,
            Owner::House => self.house.as_ref(),
        }
    }

    /// Everybody whose recordings this person opens.
    pub(crate) fn opens(&self) -> Vec<Owner> {
        let mut owners = vec![Owner::Person(self.id)];
        owners.extend(self.house.as_ref().map(|_| Owner::House));
        owners
    }

    pub(crate) fn own_secret(&self) -> &Secret {
        &self.secret
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Person({})", self.id)
    }
}
