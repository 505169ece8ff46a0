//! Models of a few numbers, one of each family, against what Flax makes of the same
//! weights (transformers 4.44.2, `FlaxBertModel` and so on).

use super::folders::Tiny;
use super::*;

/// Of "a b c d" and "e", of which the second is filled up when they come together.
struct Reference {
    kind: &'static str,
    prefix: &'static str,
    pooling: &'static str,
    first: [f32; 8],
    second: [f32; 8],
}

const REFERENCES: [Reference; 6] = [
    Reference {
        kind: "bert",
        prefix: "bert.",
        pooling: "mean_tokens",
        first: [1.22971, -1.36876, -0.19103, 0.23466, -1.59027, -0.24974, -0.16741, 0.59368],
        second: [1.49872, -1.88761, -0.31034, 0.32173, -1.46384, -0.17887, -0.31516, 0.61318],
    },
    Reference {
        kind: "bert",
        prefix: "bert.",
        pooling: "cls_token",
        first: [1.54798, -2.36803, -0.30246, 0.28904, -0.90696, -0.30130, -0.69820, 0.89085],
        second: [1.65395, -2.32737, -0.26844, 0.23867, -1.01426, -0.27280, -0.59609, 0.79266],
    },
    Reference {
        kind: "bert",
        prefix: "bert.",
        pooling: "max_tokens",
        first: [2.16007, 0.18308, 0.42842, 0.61190, -0.90696, 0.17385, 0.36342, 0.89085],
        second: [1.84496, -1.52876, 0.17457, 0.37040, -1.01426, 0.32375, -0.05537, 0.79266],
    },
    Reference {
        kind: "xlm-roberta",
        prefix: "roberta.",
        pooling: "mean_tokens",
        first: [-1.04722, 0.38557, 0.59064, 0.43428, -1.43582, 0.00315, -0.80021, 1.13126],
        second: [-0.76115, -0.15330, 0.38660, 0.29838, -0.39803, -0.28939, -0.89181, 0.95161],
    },
    Reference {
        kind: "roberta",
        prefix: "",
        pooling: "mean_tokens",
        first: [-0.19842, -1.43878, 0.03466, 1.67030, 0.58684, -0.27004, 0.17936, -0.28679],
        second: [-0.25918, -1.36930, 0.36982, 1.77491, 0.58144, -0.46330, 0.16443, -0.72732],
    },
    Reference {
        kind: "distilbert",
        prefix: "distilbert.",
        pooling: "mean_tokens",
        first: [0.78644, -0.24324, 0.31435, 0.41506, 0.57376, -1.15734, 0.34775, -0.40658],
        second: [0.92822, -1.25009, 0.77778, 0.81554, 1.25419, -0.87249, -0.53622, -0.23357],
    },
];

#[tokio::test]
async fn every_family_makes_the_vectors_that_flax_makes() {
    for Reference { kind, prefix, pooling, first, second } in REFERENCES {
        let tiny = Tiny { kind, prefix, pooling };
        let folder = tempfile::tempdir().unwrap();
        tiny.write(folder.path());
        let embedder = open(EmbedderConfig::local(folder.path())).unwrap();
        let together = embedder.documents(&texts(&["a b c d", "e"])).await.unwrap();
        let alone = embedder.query("e").await.unwrap();
        for (got, expected) in [(&together[0], first), (&together[1], second), (&alone, second)] {
            let far = got.iter().zip(expected).map(|(got, wanted)| (got - wanted).abs());
            let far = far.fold(0.0, f32::max);
            assert!(far < 1e-4, "{kind}, {pooling}: {got:?} instead of {expected:?}");
        }
    }
}
