//! The list of members, as it changes and as text.

use super::*;

fn id(number: u8) -> NodeId {
    NodeId([number; 32])
}

#[test]
fn a_list_reads_back() {
    let mut members = Members::default();
    members.dial(Dial { address: "other.example:3000".parse().expect("one"), node: Some(id(1)) }).expect("room");
    members.dial(Dial { address: ":3000".parse().expect("one"), node: None }).expect("room");
    for change in [MemberChange::Allow(id(2)), MemberChange::Forget(id(3)), MemberChange::Lock] {
        members.change(change).expect("room");
    }
    assert_eq!(Members::parse(members.render().as_bytes()).expect("whole"), members);
}

#[test]
fn who_is_forgotten_is_turned_away_until_it_is_allowed() {
    let mut members = Members::default();
    assert_eq!(members.admission(id(1)), Admission::Admitted);
    members.change(MemberChange::Forget(id(1))).expect("room");
    assert_eq!(members.admission(id(1)), Admission::Forgotten);
    members.change(MemberChange::Lock).expect("no room needed");
    assert_eq!(members.admission(id(2)), Admission::NotListed);
    members.change(MemberChange::Allow(id(1))).expect("room");
    assert_eq!([members.admission(id(1)), members.admission(id(2))], [Admission::Admitted, Admission::NotListed]);
    members.change(MemberChange::Unlock).expect("no room needed");
    assert_eq!(members.admission(id(2)), Admission::Admitted);
}

#[test]
fn a_full_list_has_room_for_another_node_once_one_is_taken_off_it() {
    let (mut members, full) = (Members::default(), u16::try_from(MEMBERS_MAX).expect("few"));
    let id = |number: u16| NodeId([number.to_le_bytes(); 16].concat().try_into().expect("32 bytes"));
    for number in 0..full {
        members.change(MemberChange::Forget(id(number))).expect("room");
        members.change(MemberChange::Allow(id(full + number))).expect("room");
    }
    let [forget, allow] = [MemberChange::Forget(id(full)), MemberChange::Allow(id(0))];
    for change in [&forget, &allow] {
        assert!(matches!(members.change(change.clone()), Err(MembersError::Full)));
    }
    members.change(MemberChange::Unlist(id(3))).expect("it was forgotten");
    assert_eq!(members.admission(id(3)), Admission::Admitted);
    assert!(matches!(members.change(MemberChange::Unlist(id(3))), Err(MembersError::NotListed { .. })));
    members.change(forget).expect("the place of the other one");
    members.change(allow).expect("the place of the one that was forgotten");
    members.change(MemberChange::Lock).expect("no room needed");
    members.change(MemberChange::Unlist(id(0))).expect("it was allowed");
    assert_eq!([id(0), id(full)].map(|node| members.admission(node)), [Admission::NotListed, Admission::Forgotten]);
}

#[test]
fn another_node_may_be_where_one_that_was_forgotten_is_dialled_by_its_id() {
    let mut members = Members::default();
    let dial = |address: &str, node| Dial { address: address.parse().expect("one"), node };
    for dial in [dial(":1", Some(id(1))), dial(":2", None)] {
        members.dial(dial).expect("room");
    }
    let given = [":1".parse().expect("one")];
    members.change(MemberChange::Forget(id(1))).expect("room");
    assert_eq!(members.dials_and(&given), [dial(":2", None), dial(":1", None)]);
    assert_eq!(Members::parse(members.render().as_bytes()).expect("a list"), members);
    members.change(MemberChange::Allow(id(1))).expect("room");
    assert_eq!(members.dials_and(&given), [dial(":1", Some(id(1))), dial(":2", None)]);
}

#[test]
fn an_invitation_of_a_node_that_has_moved_replaces_its_address() {
    let mut members = Members::default();
    let dial = |address: &str, node| Dial { address: address.parse().expect("one"), node };
    for dial in [dial(":1", Some(id(1))), dial(":2", None), dial(":3", Some(id(1))), dial(":4", None)] {
        members.dial(dial).expect("room");
    }
    assert_eq!(members.dials(), [dial(":2", None), dial(":3", Some(id(1))), dial(":4", None)]);
    members.change(MemberChange::ForgetAddress(":3".parse().expect("one"))).expect("it is dialled");
    assert_eq!((members.dials().len(), members.admission(id(1))), (2, Admission::Admitted));
    let unknown = members.change(MemberChange::ForgetAddress(":3".parse().expect("one")));
    assert!(matches!(unknown, Err(MembersError::NotDialled { .. })));
}

#[test]
fn a_forgotten_node_keeps_no_place_from_another_one() {
    let mut members = Members::default();
    let dial = |number: u8| Dial { address: format!(":{number}").parse().expect("one"), node: Some(id(number)) };
    let full = u8::try_from(DIALS_MAX).expect("few");
    (1..=full).for_each(|number| members.dial(dial(number)).expect("room"));
    assert!(matches!(members.dial(dial(full + 1)), Err(MembersError::TooManyDials)));
    for forgotten in [7, 3] {
        members.change(MemberChange::Forget(id(forgotten))).expect("room");
    }
    members.dial(dial(full + 1)).expect("the place of the oldest");
    let dialled: Vec<_> = members.dials().iter().filter_map(|dial| dial.node).collect();
    assert!(!dialled.contains(&id(3)) && dialled.contains(&id(7)) && dialled.contains(&id(full + 1)), "{dialled:?}");
    members.dial(dial(full + 2)).expect("the place of the other one");
    assert!(matches!(members.dial(dial(full + 3)), Err(MembersError::TooManyDials)));
}

#[test]
fn a_list_that_no_node_writes_is_refused_by_its_line() {
    for (text, line) in [("", 1), ("dacapo members 3\n", 1), ("dacapo members 1\n\nallow 12\n", 3)] {
        let error = Members::parse(text.as_bytes()).expect_err("malformed");
        assert!(matches!(error, MembersError::Malformed { line: found, .. } if found == line), "{error}");
    }
}

#[test]
fn any_change_of_a_list_is_noticed() {
    let mut members = Members::default();
    for change in [MemberChange::Allow(id(2)), MemberChange::Forget(id(3)), MemberChange::Lock] {
        members.change(change).expect("room");
    }
    let text = members.render();
    for position in 0..text.len() {
        let mut damaged = text.clone().into_bytes();
        damaged[position] ^= 1;
        assert!(Members::parse(&damaged).is_err(), "byte {position}");
        assert!(Members::parse(&text.as_bytes()[..position]).is_err(), "cut at {position}");
    }
}

#[test]
fn a_list_of_an_older_version_is_read_and_gets_a_check() {
    let node = id(3);
    let members = Members::parse(format!("dacapo members 1\nforget {node}\nlocked\n").as_bytes()).expect("whole");
    assert_eq!(members.admission(node), Admission::Forgotten);
    let text = members.render();
    assert!(text.starts_with(&format!("dacapo members 2\nforget {node}\nlocked\n")), "{text}");
    assert_eq!(Members::parse(text.as_bytes()).expect("whole"), members);
}
