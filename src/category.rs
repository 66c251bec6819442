//! The closed set of model categories; every name, file and address derives from this table.
//!
//! The order is the reference package's enumeration order, and every "for all categories" loop uses it.

use std::fmt;
use std::str::FromStr;

/// One kind of model: the unit of refresh, conversion and publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    missing_docs,
    reason = "the variants are the category names themselves"
)]
pub enum Category {
    Blip,
    Clip,
    Codeformer,
    Controlnet,
    ControlnetAnnotator,
    Esrgan,
    Gfpgan,
    SafetyChecker,
    ImageGeneration,
    TextGeneration,
    VideoGeneration,
    AudioGeneration,
    Miscellaneous,
    Lora,
    Ti,
}

/// Which of the two GitHub repositories holds a category's legacy file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Repository {
    /// `AI-Horde-image-model-reference`
    Image,
    /// `AI-Horde-text-model-reference`
    Text,
}

impl Category {
    /// Every category, in the reference's order.
    pub const ALL: [Self; 15] = [
        Self::Blip,
        Self::Clip,
        Self::Codeformer,
        Self::Controlnet,
        Self::ControlnetAnnotator,
        Self::Esrgan,
        Self::Gfpgan,
        Self::SafetyChecker,
        Self::ImageGeneration,
        Self::TextGeneration,
        Self::VideoGeneration,
        Self::AudioGeneration,
        Self::Miscellaneous,
        Self::Lora,
        Self::Ti,
    ];

    /// The categories that have a legacy file upstream, in the reference's order.
    pub fn with_legacy() -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(|category| category.has_legacy())
    }

    /// The name used on the command line, in manifests and as `record_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Blip => "blip",
            Self::Clip => "clip",
            Self::Codeformer => "codeformer",
            Self::Controlnet => "controlnet",
            Self::ControlnetAnnotator => "controlnet_annotator",
            Self::Esrgan => "esrgan",
            Self::Gfpgan => "gfpgan",
            Self::SafetyChecker => "safety_checker",
            Self::ImageGeneration => "image_generation",
            Self::TextGeneration => "text_generation",
            Self::VideoGeneration => "video_generation",
            Self::AudioGeneration => "audio_generation",
            Self::Miscellaneous => "miscellaneous",
            Self::Lora => "lora",
            Self::Ti => "ti",
        }
    }

    /// The published file's name, directly below the mirror's base path.
    #[must_use]
    pub const fn v2_file(self) -> &'static str {
        match self {
            Self::Blip => "blip.json",
            Self::Clip => "clip.json",
            Self::Codeformer => "codeformer.json",
            Self::Controlnet => "controlnet.json",
            Self::ControlnetAnnotator => "controlnet_annotator.json",
            Self::Esrgan => "esrgan.json",
            Self::Gfpgan => "gfpgan.json",
            Self::SafetyChecker => "safety_checker.json",
            Self::ImageGeneration => "stable_diffusion.json",
            Self::TextGeneration => "text_generation.json",
            Self::VideoGeneration => "video_generation.json",
            Self::AudioGeneration => "audio_generation.json",
            Self::Miscellaneous => "miscellaneous.json",
            Self::Lora => "lora.json",
            Self::Ti => "ti.json",
        }
    }

    /// The upstream file's name; also its name below `legacy/` in the mirror.
    #[must_use]
    pub const fn legacy_file(self) -> &'static str {
        match self {
            Self::TextGeneration => "models.csv",
            other => other.v2_file(),
        }
    }

    /// The repository that holds the legacy file; `None` for a category without a legacy format.
    #[must_use]
    pub const fn repository(self) -> Option<Repository> {
        match self {
            Self::TextGeneration => Some(Repository::Text),
            Self::ControlnetAnnotator
            | Self::VideoGeneration
            | Self::AudioGeneration
            | Self::Lora
            | Self::Ti => None,
            _ => Some(Repository::Image),
        }
    }

    /// Whether upstream has a legacy file to convert.
    #[must_use]
    pub const fn has_legacy(self) -> bool {
        self.repository().is_some()
    }

    /// `model_classification.domain` of every record in the category.
    #[must_use]
    pub const fn domain(self) -> &'static str {
        match self {
            Self::TextGeneration => "text",
            Self::VideoGeneration => "video",
            Self::AudioGeneration => "audio",
            _ => "image",
        }
    }

    /// `model_classification.purpose` of every record in the category.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Blip | Self::Clip => "feature_extractor",
            Self::Codeformer | Self::Esrgan | Self::Gfpgan => "post_processing",
            Self::Controlnet | Self::ControlnetAnnotator | Self::Lora | Self::Ti => {
                "auxiliary_or_patch"
            }
            Self::SafetyChecker => "safety_checker",
            Self::ImageGeneration
            | Self::TextGeneration
            | Self::VideoGeneration
            | Self::AudioGeneration => "generation",
            Self::Miscellaneous => "miscellaneous",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text is not the name of a category.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unknown category '{0}' (known: {known})", known = Category::ALL.map(Category::name).join(", "))]
pub struct UnknownCategory(String);

impl FromStr for Category {
    type Err = UnknownCategory;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|category| category.name() == text)
            .ok_or_else(|| UnknownCategory(text.to_owned()))
    }
}
