//! What every index has to do, whatever it is built on. Enters: an empty index, from
//! whoever tests one. It knows nothing of files or tables.

pub mod builds;
pub mod collections;
pub mod filters;
pub mod keyword;
pub mod tools;
pub mod vectors;

/// Makes a test of each part of the suite; `$index` is an empty index with what it must
/// not outlive.
#[macro_export]
macro_rules! for_every_index {
    ($index:expr) => {
        $crate::suite::for_every_index! { $index;
            collections: are_put_listed_and_deleted, keep_their_embedder_once_filled,
                are_bounded_for_each_owner, owners_are_apart;
            builds: publish_whole_documents, replace_the_document_with_the_same_key,
                go_on_where_they_stopped, make_a_collection_anew_beside_the_present_one,
                the_later_of_two_that_make_anew_wins, are_refused_with_another_embedder,
                notice_that_their_collection_is_gone, give_up_what_they_staged,
                know_the_vectors_of_unchanged_chunks, refuse_vectors_that_cannot_be_compared,
                take_a_document_without_chunks, take_a_long_document, remove_documents;
            keyword: finds_words_in_all_their_forms, takes_any_text_for_a_query,
                puts_all_words_and_phrases_ahead, finds_scripts_without_spaces,
                finds_identifiers, finds_titles_and_headings, lets_stop_words_not_drown,
                gives_no_more_than_k, marks_what_was_found;
            vectors: finds_the_nearest, compares_as_the_collection_says,
                fuses_both_by_rank, needs_an_embedder;
            filters: by_every_field, by_kinds_and_ranges, by_metadata, leave_k_where_there_are_k,
                name_the_fields_that_are_known;
        }
    };
    ($index:expr; $($module:ident: $($name:ident),*;)*) => {
        $($(
            #[tokio::test]
            async fn $name() {
                let (index, _kept) = $index;
                $crate::suite::$module::$name(index).await;
            }
        )*)*
    };
}
pub use for_every_index;
