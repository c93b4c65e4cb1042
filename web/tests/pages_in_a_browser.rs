//! The pages in a real browser. Each story is a script in `tests/browser/` of the same name.

mod common;

use common::World;
use common::browser::story;

fn nothing_to_do(wish: &str) -> String {
    panic!("the story asks for {wish:?}, which nobody does here")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_looked_at() {
    let world = World::family().await;
    world.a_week();
    story(&world, "every_page_is_looked_at", nothing_to_do).await;
    world.stop().await;
}
