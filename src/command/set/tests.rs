//! Set commands on one shard and on three.

use crate::command::check::check;

#[test]
fn members_are_added_once_and_the_last_takes_the_key_along() {
    check(
        "SADD s b a b; SADD s a; SCARD s; SREM s a x; SREM s b; EXISTS s; TYPE s",
        "2; 0; 2; 1; 1; 0; none",
    );
}

#[test]
fn the_encoding_follows_the_members() {
    check(
        "SADD s 1 2; OBJECT ENCODING s; SADD s a; OBJECT ENCODING s; SMEMBERS s",
        "2; intset; 1; listpack; [1 2 a]",
    );
}

#[test]
fn keys_of_several_shards_are_combined() {
    check(
        "SADD a 1 2 3; SADD b 2 3 4; SADD c 3 4 5; SINTER a b c; SINTERCARD 2 a b LIMIT 1; \
         SUNION a b c; SDIFF a c; SUNIONSTORE d a b c; SDIFFSTORE e a b; SINTERSTORE f b c; \
         SMEMBERS d; SMEMBERS e; SMEMBERS f; SINTERSTORE f a none; EXISTS f",
        "3; 3; 3; [3]; 1; [1 2 3 4 5]; [1 2]; 5; 1; 2; [1 2 3 4 5]; [1]; [3 4]; 0; 0",
    );
}

#[test]
fn a_member_moves_between_shards() {
    check(
        "SADD a x y; SMOVE a b x; SMOVE a b x; SMEMBERS b; SMOVE a b y; EXISTS a; SET t 1; \
         SMOVE t b x; SMOVE none t x; SMOVE b t x",
        "2; 1; 0; [x]; 1; 0; OK; \
         WRONGTYPE Operation against a key holding the wrong kind of value; 0; \
         WRONGTYPE Operation against a key holding the wrong kind of value",
    );
}

#[test]
fn popping_all_members_removes_the_key() {
    check(
        "SADD s 1 2 3; SPOP s 0; SPOP s 5; EXISTS s; SPOP s; SPOP s 1; SADD s 1; SPOP s; EXISTS s",
        "3; []; [1 2 3]; 0; nil; []; 1; 1; 0",
    );
}

#[test]
fn a_negative_count_may_draw_a_member_more_than_once() {
    check(
        "SADD s 7; SRANDMEMBER s -3; SRANDMEMBER s 3; SRANDMEMBER s; SRANDMEMBER none -3; \
         SRANDMEMBER s 0",
        "1; [7 7 7]; [7]; 7; []; []",
    );
}
