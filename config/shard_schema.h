// SPDX-License-Identifier: Apache-2.0
// The one table of a shard's settings: name, type, bounds, who may change it and where it lives.
//
// Drives the YAML reader, the redis.conf reader, command line options and CONFIG
// GET/SET/REWRITE. Pure and constant. A row marked `only_default` names something this program
// does not do: its default is accepted, anything else is refused with the reason.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/shard_config.h"

namespace slotway::config {

// How a number is written.
enum class NumberUnit {
  kPlain,   // decimal
  kMemory,  // bytes, or with k, kb, m, mb, g, gb
};

struct BoolField {
  bool ShardConfig::*member;
};
struct SignedField {
  int64_t ShardConfig::*member;
  int64_t min, max;
  NumberUnit unit = NumberUnit::kPlain;
};
struct UnsignedField {
  uint64_t ShardConfig::*member;
  uint64_t min, max;
  NumberUnit unit = NumberUnit::kPlain;
};
struct TextField {
  std::string ShardConfig::*member;
  // Nothing when fine, else Redis's reason.
  std::optional<std::string> (*check)(std::string_view text) = nullptr;
};
struct EnumField {
  std::span<const std::string_view> names;  // in the order of the enum's values
  int (*get)(const ShardConfig&);
  void (*set)(ShardConfig&, int);
};
// Several values, or a grammar of its own. `set` answers Redis's reason when refused.
struct CustomField {
  std::optional<std::string> (*set)(std::span<const std::string> args, ShardConfig&);
  std::string (*get)(const ShardConfig&);
};
// Bytes, or a percentage of maxmemory.
struct MemoryOrPercentField {
  MemoryOrPercent ShardConfig::*member;
};
// Lives in ShardConfig::advice.
struct AdviceField {
  enum class Kind { kBool, kInteger, kMemory, kText, kEnum } kind;
  std::string_view default_text;
  int64_t min = 0, max = 0;
  std::span<const std::string_view> names = {};
};

enum SettingFlag : uint32_t {
  kImmutable = 1 << 0,  // set at start only
  kProtected = 1 << 1,  // CONFIG SET needs enable-protected-configs
  kMultiArg = 1 << 2,   // several arguments, or one with spaces
  kHidden = 1 << 3,     // CONFIG GET shows it by its exact name only
  kRepeats = 1 << 4,    // several lines of one file add up
  kFileOnly = 1 << 5,   // unknown to CONFIG
  kSecret = 1 << 6,     // CONFIG GET shows it empty
  kOurs = 1 << 7,       // unknown to Redis: its value may be set again even where it is immutable
};

struct Setting {
  std::string_view name;
  std::variant<BoolField, SignedField, UnsignedField, TextField, EnumField, CustomField,
               MemoryOrPercentField, AdviceField>
      field;
  uint32_t flags = 0;
  std::string_view alias = {};         // an older name, equal in every way
  std::string_view only_default = {};  // not empty: why only the default is accepted

  bool Is(SettingFlag flag) const { return (flags & flag) != 0; }
};

std::span<const Setting> ShardSchema();
// By name or alias, ASCII case ignored; nullptr when unknown.
const Setting* FindSetting(std::string_view name);

// Changes `config`, or answers why not (and leaves it as it was). `args` are the value's words.
std::optional<std::string> SetValue(const Setting& setting, std::span<const std::string> args,
                                    ShardConfig& config);
// As CONFIG GET shows it.
std::string FormatValue(const Setting& setting, const ShardConfig& config);
std::string DefaultValue(const Setting& setting);

}  // namespace slotway::config
