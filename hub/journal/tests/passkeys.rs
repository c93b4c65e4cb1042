//! A passkey opens its person's recordings, and nothing else does in its name.

mod household;

use household::Household;
use sotto_house::Role;
use sotto_journal::{MemberError, PasskeyPublic, PasskeySecret, Purpose, SignInError};
use zeroize::Zeroizing;

fn secret(byte: u8) -> PasskeySecret {
    PasskeySecret::new(Zeroizing::new([byte; 32]))
}

fn public() -> PasskeyPublic {
    PasskeyPublic { algorithm: -8, key: vec![3; 32], host: "sotto.local".to_owned() }
}

#[test]
fn a_passkey_opens_what_the_passphrase_opens() {
    let house = Household::new();
    let (ada, bert) = (house.member("Ada", Role::Adult), house.member("Bert", Role::Adult));
    let said = house.say(Some(ada.id()), "where are my keys");
    house.journal.add_passkey(&ada, b"one", "Phone", &public(), &secret(1), house.now).unwrap();
    house.journal.add_passkey(&bert, b"two", "Phone", &public(), &secret(2), house.now).unwrap();
    assert_eq!(house.journal.passkey(b"one").unwrap(), Some(public()));
    assert_eq!(house.journal.passkey(b"three").unwrap(), None);

    let way_in =
        |credential: &[u8], byte| house.journal.sign_in_by_passkey(credential, &secret(byte), house.now);
    let again = way_in(b"one", 1).unwrap();
    assert_eq!((again.id(), again.name(), again.opens_house()), (ada.id(), "Ada", ada.opens_house()));
    assert!(house.journal.listen(said, &again, Purpose::Recall, house.now).is_ok());
    for (credential, byte) in [(&b"one"[..], 2), (b"two", 1), (b"three", 1), (b"", 1)] {
        assert!(matches!(way_in(credential, byte), Err(SignInError::NotRight)), "{credential:?} {byte}");
    }
    let listed = house.journal.passkeys(&ada).unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].name.as_str(), listed[0].used), ("Phone", Some(house.now)));

    // Nobody removes another's, and a removed one opens nothing.
    let other = house.journal.remove_passkey(&bert, b"one", house.now);
    assert!(matches!(other, Err(MemberError::Passkey)), "{other:?}");
    house.journal.remove_passkey(&ada, b"one", house.now).unwrap();
    assert!(matches!(way_in(b"one", 1), Err(SignInError::NotRight)));
    assert!(way_in(b"two", 2).is_ok());
}

#[test]
fn a_passkey_is_registered_once_and_goes_with_its_person() {
    let house = Household::new();
    let (ada, bert) = (house.member("Ada", Role::Adult), house.member("Bert", Role::Adult));
    house.journal.add_passkey(&bert, b"one", "Phone", &public(), &secret(1), house.now).unwrap();
    let taken = house.journal.add_passkey(&ada, b"one", "Phone", &public(), &secret(1), house.now);
    assert!(matches!(taken, Err(MemberError::Passkey)), "{taken:?}");
    for bad in [vec![], vec![0; 1024]] {
        let refused = house.journal.add_passkey(&ada, &bad, "", &public(), &secret(1), house.now);
        assert!(matches!(refused, Err(MemberError::Passkey)), "{refused:?}");
    }
    house.journal.remove_member(&ada, bert.id(), house.now).unwrap();
    assert!(house.journal.passkey(b"one").unwrap().is_none());
    let gone = house.journal.sign_in_by_passkey(b"one", &secret(1), house.now);
    assert!(matches!(gone, Err(SignInError::NotRight)));
    for n in 0..21_u8 {
        let added = house.journal.add_passkey(&ada, &[7, n], "", &public(), &secret(n), house.now);
        assert_eq!(added.is_ok(), n < 20, "{n}");
    }
}
