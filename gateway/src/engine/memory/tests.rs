use super::*;

fn whose(member_id: &str, revision: &str) -> Whose {
    Whose::new("demo", member_id, revision)
}

fn one() -> Whose {
    whose("portal", "executor")
}

#[test]
fn places_are_bounded_by_number_and_bytes() {
    let memory = Memory::new(4, 100);
    let first = memory.permit(one(), 1000).expect("one is always possible");
    assert!(memory.permit(whose("other", "other"), 1).is_none(), "no bytes left");
    drop(first);
    assert_eq!(memory.room(one()), 2);
    let (_a, _b) = (memory.permit(one(), 10).unwrap(), memory.permit(one(), 10).unwrap());
    assert!(memory.permit(one(), 10).is_none(), "half of all is its share");
    assert_eq!(memory.room(one()), 0);
}

/// Fills memory with jobs of one kind; how many fit in.
fn fill(memory: &Arc<Memory>, whose: Whose, all: &mut Vec<Permit>) -> usize {
    let before = all.len();
    while let Some(permit) = memory.permit(whose, 1) {
        all.push(permit);
    }
    all.len() - before
}

#[test]
fn there_is_always_room_for_who_has_nothing_there() {
    let memory = Memory::new(1000, 1 << 20);
    let mut all = Vec::new();
    // Portals of one executor each, then executors of one portal: each gets a part of what is left.
    for (index, expected) in [500, 250, 125, 63].into_iter().enumerate() {
        let name = index.to_string();
        assert_eq!(fill(&memory, whose(&name, &name), &mut all), expected);
    }
    assert!(memory.room(whose("idle", "idle")) > 0);
    assert!(memory.permit(whose("idle", "idle"), 1).is_some());
    assert!(
        memory.permit(whose("0", "idle"), 1).is_none(),
        "its portal has too many"
    );
    assert!(
        memory.permit(whose("idle", "0"), 1).is_none(),
        "its executor has too many"
    );
    // What waits for its portal alone is not its executor's any more.
    for permit in &mut all[..500] {
        permit.answered();
    }
    assert!(memory.permit(whose("idle", "0"), 1).is_some());
    drop(all);
    assert_eq!(memory.jobs(), 0);
    let state = memory.state.lock();
    assert_eq!((state.portals.len(), state.executors.len()), (0, 0));
}

#[test]
fn who_has_many_bytes_leaves_some_to_others() {
    let memory = Memory::new(1000, 1000);
    let _large = memory.permit(one(), 500).unwrap();
    assert!(memory.permit(one(), 100).is_none());
    assert_eq!(memory.room(one()), 0);
    assert!(memory.permit(whose("other", "other"), 400).is_some());
}

#[test]
fn a_row_is_in_memory_once() {
    let memory = Memory::new(9, 100);
    let mut permit = memory.permit(one(), 1).unwrap();
    assert!(permit.take_loaded(7));
    assert!(!memory.permit(one(), 1).unwrap().take_loaded(7));
    memory.begin_read();
    drop(permit);
    assert!(memory.holds(7), "the read may show it as it was before it left");
    assert!(!memory.permit(one(), 1).unwrap().take_loaded(7));
    memory.end_read();
    assert!(memory.permit(one(), 1).unwrap().take_loaded(7));
}

#[test]
fn what_is_held_is_not_loaded_and_what_is_loaded_is_not_held() {
    let memory = Memory::new(9, 100);
    let mut permit = memory.permit(one(), 1).unwrap();
    assert!(permit.take_loaded(7));
    let hold = memory.hold(vec![7, 8]);
    assert_eq!(hold.rows(), [8]);
    assert!(memory.hold(vec![8]).rows().is_empty(), "it is somebody's");
    assert!(memory.holds(8) && !memory.permit(one(), 1).unwrap().take_loaded(8));
    memory.begin_read();
    drop(hold);
    assert!(memory.holds(8), "the read may show it as it was before the change");
    memory.end_read();
    assert!(memory.permit(one(), 1).unwrap().take_loaded(8));
    assert_eq!(memory.jobs(), 1);
}

#[test]
fn a_light_permit_holds_its_row_and_no_place() {
    let memory = Memory::new(1, 100);
    let mut permit = memory.permit(one(), 10).unwrap();
    permit.take_fresh(7);
    assert!(permit.is_fresh() && permit.lighten() && permit.lighten());
    assert_eq!((memory.jobs(), memory.room(one())), (0, 1));
    assert!(memory.holds(7));
    assert_eq!(memory.settled(), 7);
    let light: Vec<_> = (0..LIGHT - 1)
        .map(|_| {
            let mut permit = memory.permit(one(), 10).unwrap();
            assert!(permit.lighten());
            permit
        })
        .collect();
    let mut one_more = memory.permit(one(), 10).unwrap();
    assert!(!one_more.lighten() && !one_more.is_fresh());
    assert_eq!(memory.jobs(), 1);
    drop((permit, light, one_more));
    assert_eq!(memory.jobs(), 0);
    assert!(!memory.holds(7));
}

#[test]
fn what_is_settled_grows_with_the_oldest_fresh_job() {
    let memory = Memory::new(9, 100);
    let permits: Vec<_> = [3, 4, 5]
        .map(|row| {
            let mut permit = memory.permit(one(), 1).unwrap();
            permit.take_fresh(row);
            permit
        })
        .into();
    assert_eq!(memory.settled(), 3);
    let [three, four, five] = <[Permit; 3]>::try_from(permits).unwrap();
    drop(four);
    assert_eq!(memory.settled(), 3);
    drop(three);
    assert_eq!(memory.settled(), 5);
    drop(five);
    assert_eq!(memory.settled(), 6);
    assert_eq!(memory.jobs(), 0);
}

#[test]
fn a_new_start_has_nothing_to_settle() {
    let memory = Memory::new(9, 100);
    memory.begin(41);
    assert_eq!(memory.settled(), 42);
}

#[tokio::test]
async fn idle_waits_for_the_last() {
    let memory = Memory::new(9, 100);
    let permit = memory.permit(one(), 1).unwrap();
    let mut idle = std::pin::pin!(memory.idle());
    assert!(futures::poll!(&mut idle).is_pending());
    drop(permit);
    idle.await;
}
