//! Legacy records of the JSON categories (docs/conversion.md, section 7).
//!
//! 1. A record is read member by member in the order of the file, so the first flaw reported is the first one in it.
//! 2. Unknown members are ignored whatever their value.
//! 3. Findings are separate from reading: only records without flaws have any.

pub(crate) mod files;
pub(crate) mod licence;

use std::borrow::Cow;

use crate::category::Category;

use crate::python::coerce::{
    boolean, object, optional, optional_string, required, string, strings, word,
};
use crate::python::flat_value::{FlatMap, flat_map};
use crate::python::flaw::{At as _, Flaw};
use crate::python::json::Value;
use crate::python::numbers::integer;

use files::Config;
use licence::{Licensing, licensing};

/// A checked record.
#[derive(Debug, Default)]
pub(crate) struct Record<'t, 'a> {
    pub(crate) name: &'t str,
    /// `type`, free text but for image generation and clip.
    pub(crate) kind: Option<&'t str>,
    pub(crate) description: Option<&'t str>,
    pub(crate) version: Option<&'t str>,
    pub(crate) style: Option<&'t str>,
    pub(crate) nsfw: bool,
    pub(crate) config: Config<'t, 'a>,
    pub(crate) licensing: Option<Licensing<'t>>,
    pub(crate) metadata: Option<Metadata<'t>>,
    pub(crate) pretrained_name: Option<&'t str>,
    /// The members that only image generation has.
    pub(crate) image: Image<'t, 'a>,
    available: bool,
}

/// What only image generation models have.
#[derive(Debug, Default)]
pub(crate) struct Image<'t, 'a> {
    pub(crate) baseline: &'t str,
    pub(crate) inpainting: bool,
    pub(crate) tags: Vec<&'t str>,
    pub(crate) showcases: Vec<&'t str>,
    pub(crate) trigger: Vec<&'t str>,
    pub(crate) min_bridge_version: Option<Cow<'t, str>>,
    pub(crate) size_on_disk_bytes: Option<Cow<'t, str>>,
    pub(crate) homepage: Option<&'t str>,
    pub(crate) optimization: Option<&'t str>,
    pub(crate) requirements: Option<FlatMap<'t, 'a>>,
}

/// When a record was made and changed, and by whose hand.
#[derive(Debug)]
pub(crate) struct Metadata<'t> {
    pub(crate) schema_version: &'t str,
    pub(crate) created_at: Option<Cow<'t, str>>,
    pub(crate) updated_at: Option<Cow<'t, str>>,
    pub(crate) created_by: Option<&'t str>,
    pub(crate) updated_by: Option<&'t str>,
}

impl<'t, 'a> Record<'t, 'a> {
    /// Reads one record.
    pub(crate) fn read(category: Category, value: &'t Value<'a>) -> Result<Self, Flaw> {
        let mut record = Self::default();
        let (mut name, mut baseline) = (None, None);
        for (key, value) in object(value)? {
            match key {
                "name" => name = Some(string(value).at(key)?),
                "baseline" if category == Category::ImageGeneration => {
                    baseline = Some(string(value).at(key)?);
                }
                _ => record.member(category, key, value).at(key)?,
            }
        }
        record.name = required(name, "name")?;
        if category == Category::ImageGeneration {
            record.image.baseline = normal_baseline(required(baseline, "baseline")?);
        }
        Ok(record)
    }

    fn member(&mut self, category: Category, key: &str, value: &'t Value<'a>) -> Result<(), Flaw> {
        match key {
            "type" => self.kind = kind(category, value)?,
            "description" => self.description = optional_string(value)?,
            "version" => self.version = optional_string(value)?,
            "style" => self.style = optional_string(value)?,
            "nsfw" => self.nsfw = optional(value, boolean)?.unwrap_or_default(),
            "available" => self.available = optional(value, boolean)?.unwrap_or_default(),
            "download_all" => {
                optional(value, boolean)?;
            }
            "features_not_supported" => {
                optional(value, strings)?;
            }
            "config" => self.config = files::config(value)?,
            "licensing" => self.licensing = optional(value, licensing)?,
            "metadata" => self.metadata = optional(value, metadata)?,
            "pretrained_name" if category == Category::Clip => {
                self.pretrained_name = optional_string(value)?;
            }
            _ if category == Category::ImageGeneration => self.image.member(key, value)?,
            _ => {}
        }
        Ok(())
    }

    /// Logs what is odd about the record, in the reference's order.
    pub(crate) fn lint(&self, category: Category, key: &str, mut issue: impl FnMut(&'static str)) {
        files::lint(&self.config, category == Category::Clip, &mut issue);
        if !key.is_empty() && self.name != key {
            issue("name mismatch.");
        }
        if self.available {
            issue("is flagged 'available'.");
        }
        if self.config.downloads.is_empty() {
            issue("has no config.");
        }
        if self.description.is_none() {
            issue("has no description.");
        }
        if self.style == Some("") {
            issue("has no style.");
        }
        if category == Category::ImageGeneration {
            if !KNOWN_BASELINES.contains(&self.image.baseline) {
                issue("has an unrecognized baseline.");
            }
            if self.image.showcases.is_empty() {
                issue("has no showcases defined.");
            }
        }
    }
}

impl<'t, 'a> Image<'t, 'a> {
    fn member(&mut self, key: &str, value: &'t Value<'a>) -> Result<(), Flaw> {
        match key {
            "inpainting" => self.inpainting = boolean(value)?,
            "tags" => self.tags = optional(value, strings)?.unwrap_or_default(),
            "showcases" => self.showcases = optional(value, showcases)?.unwrap_or_default(),
            "trigger" => self.trigger = optional(value, strings)?.unwrap_or_default(),
            "min_bridge_version" => self.min_bridge_version = optional(value, integer)?,
            "size_on_disk_bytes" => self.size_on_disk_bytes = optional(value, integer)?,
            "homepage" => self.homepage = optional_string(value)?,
            "optimization" => self.optimization = optional_string(value)?,
            "requirements" => self.requirements = optional(value, flat_map)?,
            _ => {}
        }
        Ok(())
    }
}

fn kind<'t>(category: Category, value: &'t Value<'_>) -> Result<Option<&'t str>, Flaw> {
    match category {
        Category::ImageGeneration => word(value, &["ckpt"]).map(Some),
        Category::Clip => word(value, &["clip", "coca"]).map(Some),
        _ => optional_string(value),
    }
}

fn showcases<'t>(value: &'t Value<'_>) -> Result<Vec<&'t str>, Flaw> {
    let showcases = strings(value)?;
    match showcases
        .iter()
        .position(|showcase| showcase.contains("huggingface"))
    {
        None => Ok(showcases),
        Some(index) => Err(Flaw::new("must not be a huggingface address")).at_index(index),
    }
}

fn metadata<'t>(value: &'t Value<'_>) -> Result<Metadata<'t>, Flaw> {
    let mut metadata = Metadata {
        schema_version: "1.0.0",
        created_at: None,
        updated_at: None,
        created_by: None,
        updated_by: None,
    };
    for (key, value) in object(value)? {
        match key {
            "schema_version" => metadata.schema_version = string(value).at(key)?,
            "created_at" => metadata.created_at = optional(value, integer).at(key)?,
            "updated_at" => metadata.updated_at = optional(value, integer).at(key)?,
            "created_by" => metadata.created_by = optional_string(value).at(key)?,
            "updated_by" => metadata.updated_by = optional_string(value).at(key)?,
            _ => {}
        }
    }
    Ok(metadata)
}

fn normal_baseline(baseline: &str) -> &str {
    match baseline {
        "stable diffusion 1" => "stable_diffusion_1",
        "stable diffusion 2" => "stable_diffusion_2_768",
        "stable diffusion 2 512" => "stable_diffusion_2_512",
        other => other,
    }
}

/// Baselines the reference has heard of, with their other names.
const KNOWN_BASELINES: [&str; 40] = [
    "stable_diffusion_1",
    "stable_diffusion_xl",
    "stable_diffusion_2_768",
    "stable_diffusion_2_512",
    "infer",
    "stable_cascade",
    "flux_1",
    "flux_schnell",
    "flux_dev",
    "qwen_image",
    "z_image_turbo",
    "krea2_turbo",
    "anima",
    "stable diffusion 1",
    "stable diffusion 1.4",
    "stable diffusion 1.5",
    "SD1",
    "SD14",
    "SD1.4",
    "SD15",
    "SD1.5",
    "stable_diffusion",
    "stable_diffusion_1.4",
    "stable_diffusion_1.5",
    "stable diffusion xl",
    "SDXL",
    "stable cascade",
    "flux schnell",
    "flux dev",
    "qwen image",
    "qwen-image",
    "qwen",
    "z image turbo",
    "zimage-turbo",
    "zimage",
    "krea_2_turbo",
    "krea2",
    "anima_base",
    "anima_aesthetic",
    "anima_turbo",
];
