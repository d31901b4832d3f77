// SPDX-License-Identifier: Apache-2.0
#include "protocol/key_extraction.h"

#include <algorithm>
#include <charconv>

namespace slotway::protocol {
namespace {

using Args = std::span<const std::string_view>;

char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool EqualsNoCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::ranges::equal(a, b, {}, ToLower, ToLower);
}

bool IsOneOf(std::string_view word, std::initializer_list<std::string_view> choices) {
  return std::ranges::any_of(choices, [&](auto choice) { return EqualsNoCase(word, choice); });
}

// Where found keys go. Add() says whether the walk goes on.
struct KeyList {
  std::vector<KeyPosition>& keys;
  bool Add(std::int64_t index, FlagSet<KeyFlag> flags) {
    keys.push_back({static_cast<std::uint32_t>(index), flags});
    return true;
  }
};

struct FirstKeyOnly {
  std::optional<std::uint32_t> index;
  bool Add(std::int64_t found, FlagSet<KeyFlag>) {
    index = static_cast<std::uint32_t>(found);
    return false;
  }
};

enum class Walk { kGoOn, kStop, kInvalid };

struct KeyRange {
  std::int64_t first;
  std::int64_t last;  // inclusive
};

// The argument behind the spec's keyword, else 0. A keyword that is the last argument has no keys.
std::int64_t BehindKeyword(const KeySpec& spec, Args args) {
  auto argc = static_cast<std::int64_t>(args.size());
  bool is_forward = spec.start_from > 0;
  std::int64_t from = is_forward ? spec.start_from : argc + spec.start_from;
  for (std::int64_t i = from; is_forward ? i < argc - 1 : i > 0; i += is_forward ? 1 : -1) {
    if (i < argc && EqualsNoCase(args[static_cast<std::size_t>(i)], spec.keyword)) return i + 1;
  }
  return 0;
}

// As Redis reads a number of keys when it looks for keys, not when it runs the command: spaces
// before it, a plus and whatever stands behind it are passed over. False if there is none.
bool ReadCount(std::string_view text, std::int64_t& count) {
  std::size_t at = std::min(text.find_first_not_of(" \t\n\v\f\r"), text.size());
  if (at < text.size() && text[at] == '+') ++at;
  return std::from_chars(text.data() + at, text.data() + text.size(), count).ec == std::errc{};
}

// False if the arguments have no room for what the spec says.
bool RangeOf(const KeySpec& spec, Args args, std::int64_t first, KeyRange& range) {
  auto argc = static_cast<std::int64_t>(args.size());
  if (spec.find == KeySpec::Find::kKeynum) {
    std::int64_t count_at = first + spec.keynum_index;
    std::int64_t count = 0;
    if (count_at >= argc || !ReadCount(args[static_cast<std::size_t>(count_at)], count)) {
      return false;
    }
    first += spec.first_key;
    if (count < 1 || count > argc) return false;
    range = {first, first + (count - 1) * spec.key_step};
  } else if (spec.last_key >= 0) {
    range = {first, first + spec.last_key};
  } else if (spec.limit > 1) {
    range = {first, first + (argc - first) / spec.limit + spec.last_key};
  } else {
    range = {first, argc + spec.last_key};
  }
  return range.first <= range.last && range.last < argc;
}

template <class Sink>
Walk WalkSpec(const KeySpec& spec, bool may_be_empty, Args args, Sink& sink) {
  std::int64_t first = spec.index;
  if (spec.begin == KeySpec::Begin::kUnknown || spec.find == KeySpec::Find::kUnknown) {
    return Walk::kInvalid;
  }
  if (spec.begin == KeySpec::Begin::kKeyword) {
    first = BehindKeyword(spec, args);
    if (first == 0) return Walk::kGoOn;
  }
  KeyRange range{};
  if (!RangeOf(spec, args, first, range)) {
    bool is_empty_rest = may_be_empty && spec.begin == KeySpec::Begin::kIndex &&
                         spec.find == KeySpec::Find::kRange && spec.last_key < 0 &&
                         first == static_cast<std::int64_t>(args.size());
    return is_empty_rest ? Walk::kGoOn : Walk::kInvalid;
  }
  for (std::int64_t i = range.first; i <= range.last; i += std::max<int>(spec.key_step, 1)) {
    if (!sink.Add(i, spec.flags)) return Walk::kStop;
  }
  return Walk::kGoOn;
}

// Walks the specs of keys, or those of shard channels. "All that follow" may be none: PFMERGE with
// a destination alone and SUNSUBSCRIBE without channels are valid requests.
template <class Sink>
Walk WalkSpecs(const CommandSpec& spec, Args args, bool want_shard_channels, Sink& sink) {
  for (const KeySpec& keys : spec.key_specs) {
    if (keys.flags.Has(KeyFlag::kNotKey) != want_shard_channels) continue;
    bool may_be_empty = want_shard_channels || &keys != &spec.key_specs.front();
    Walk walk = WalkSpec(keys, may_be_empty, args, sink);
    if (walk != Walk::kGoOn) return walk;
  }
  return Walk::kGoOn;
}

// SET: reads the old value only with the option GET.
template <class Sink>
Walk WalkSet(Args args, Sink& sink) {
  using enum KeyFlag;
  bool reads = args.size() > 3 && std::ranges::any_of(args.subspan(3), [](std::string_view arg) {
                 return EqualsNoCase(arg, "get");
               });
  sink.Add(1, reads ? kReadWrite | kAccess | kUpdate : kOverwrite | kUpdate);
  return Walk::kGoOn;
}

// BITFIELD: only reads if every operation is a GET. What is not understood counts as a write.
bool BitfieldOnlyReads(Args args) {
  for (std::size_t i = 2; i < args.size();) {
    std::size_t left = args.size() - i - 1;
    if (EqualsNoCase(args[i], "get") && left >= 2) {
      i += 3;
    } else if (EqualsNoCase(args[i], "overflow") && left >= 1) {
      i += 2;
    } else {
      return false;
    }
  }
  return true;
}

template <class Sink>
Walk WalkBitfield(Args args, Sink& sink) {
  using enum KeyFlag;
  sink.Add(1, BitfieldOnlyReads(args) ? kReadOnly | kAccess : kReadWrite | kAccess | kUpdate);
  return Walk::kGoOn;
}

// SORT, SORT_RO: the sorted key, and SORT's destination. The last STORE counts, as in execution.
// What BY and GET read depends on the data and cannot be found here.
template <class Sink>
Walk WalkSort(const CommandSpec& spec, Args args, Sink& sink) {
  if (!sink.Add(1, spec.key_specs.front().flags)) return Walk::kStop;
  if (!spec.IsWrite()) return Walk::kGoOn;
  std::size_t destination = 0;
  for (std::size_t i = 2; i < args.size(); ++i) {
    if (EqualsNoCase(args[i], "limit")) {
      i += 2;
    } else if (IsOneOf(args[i], {"get", "by"})) {
      i += 1;
    } else if (EqualsNoCase(args[i], "store") && i + 1 < args.size()) {
      destination = ++i;
    }
  }
  if (destination != 0) {
    sink.Add(static_cast<std::int64_t>(destination), spec.key_specs.back().flags);
  }
  return Walk::kGoOn;
}

// GEORADIUS, GEORADIUSBYMEMBER: every STORE and STOREDIST. Execution takes the last one only, but
// a key that is named and not checked would be a hole.
template <class Sink>
Walk WalkGeoradius(const CommandSpec& spec, Args args, Sink& sink) {
  if (!sink.Add(1, spec.key_specs.front().flags)) return Walk::kStop;
  for (const KeySpec& stored : spec.key_specs.subspan(1)) {
    for (auto i = static_cast<std::size_t>(stored.start_from); i + 1 < args.size(); ++i) {
      if (EqualsNoCase(args[i], stored.keyword)) {
        sink.Add(static_cast<std::int64_t>(++i), stored.flags);
      } else if (IsOneOf(args[i], {"count", "store", "storedist"})) {
        ++i;
      }
    }
  }
  return Walk::kGoOn;
}

// MIGRATE host port key|"" db timeout [COPY] [REPLACE] [AUTH p | AUTH2 u p] [KEYS key ...]
template <class Sink>
Walk WalkMigrate(const CommandSpec& spec, Args args, Sink& sink) {
  FlagSet<KeyFlag> flags = spec.key_specs.front().flags;
  for (std::size_t i = 6; i < args.size(); ++i) {
    if (EqualsNoCase(args[i], "auth")) {
      i += 1;
    } else if (EqualsNoCase(args[i], "auth2")) {
      i += 2;
    } else if (EqualsNoCase(args[i], "keys") && i + 1 < args.size()) {
      if (!args[3].empty()) return Walk::kInvalid;
      for (std::size_t key = i + 1; key < args.size(); ++key) {
        if (!sink.Add(static_cast<std::int64_t>(key), flags)) return Walk::kStop;
      }
      return Walk::kGoOn;
    }
  }
  sink.Add(3, flags);
  return Walk::kGoOn;
}

// XREAD, XREADGROUP: options are followed one by one, since a group or consumer may be called
// STREAMS. What follows STREAMS is as many ids as keys. Wrong words before it hide no keys.
template <class Sink>
Walk WalkStreams(const CommandSpec& spec, Args args, Sink& sink) {
  std::size_t i = 1;
  while (i < args.size() && !EqualsNoCase(args[i], "streams")) {
    bool has_number = IsOneOf(args[i], {"block", "count"}) && i + 1 < args.size() &&
                      !EqualsNoCase(args[i + 1], "streams");
    i += has_number ? 2 : EqualsNoCase(args[i], "group") ? 3 : 1;
  }
  std::size_t behind = i < args.size() ? args.size() - i - 1 : 0;
  if (behind < 2) return Walk::kInvalid;
  for (std::size_t key = i + 1; key <= i + behind / 2; ++key) {
    if (!sink.Add(static_cast<std::int64_t>(key), spec.key_specs.front().flags)) {
      return Walk::kStop;
    }
  }
  return Walk::kGoOn;
}

template <class Sink>
Walk WalkKeys(const CommandSpec& spec, Args args, Sink& sink) {
  switch (spec.key_finder) {
    case KeyFinder::kSpecs:
      return WalkSpecs(spec, args, false, sink);
    case KeyFinder::kSet:
      return WalkSet(args, sink);
    case KeyFinder::kBitfield:
      return WalkBitfield(args, sink);
    case KeyFinder::kSort:
      return WalkSort(spec, args, sink);
    case KeyFinder::kGeoradius:
      return WalkGeoradius(spec, args, sink);
    case KeyFinder::kMigrate:
      return WalkMigrate(spec, args, sink);
    case KeyFinder::kStreams:
      return WalkStreams(spec, args, sink);
  }
  return Walk::kInvalid;
}

}  // namespace

KeyExtractionError ExtractKeys(const CommandSpec& spec, Args args, std::vector<KeyPosition>& out) {
  out.clear();
  if (!spec.ArityFits(args.size())) return KeyExtractionError::kInvalid;
  KeyList sink{out};
  if (WalkKeys(spec, args, sink) != Walk::kInvalid) return KeyExtractionError::kNone;
  out.clear();
  // A script without keys: its count of 0 fits no spec.
  return spec.flags.Has(CommandFlag::kNoMandatoryKeys) ? KeyExtractionError::kNone
                                                       : KeyExtractionError::kInvalid;
}

KeyExtractionError ExtractShardChannels(const CommandSpec& spec, Args args,
                                        std::vector<KeyPosition>& out) {
  out.clear();
  KeyList sink{out};
  if (WalkSpecs(spec, args, true, sink) != Walk::kInvalid) return KeyExtractionError::kNone;
  out.clear();
  return KeyExtractionError::kInvalid;
}

std::optional<std::uint32_t> FindFirstKeyIndex(const CommandSpec& spec, Args args) {
  if (!spec.ArityFits(args.size())) return std::nullopt;
  FirstKeyOnly sink;
  WalkKeys(spec, args, sink);
  return sink.index;
}

}  // namespace slotway::protocol
