// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_check.h"

#include <algorithm>
#include <array>

namespace slotway::protocol {
namespace {

using Args = std::span<const std::string_view>;

// Which arguments are channels that have to be allowed. Leaving one needs no permission.
enum class ChannelArguments : std::uint8_t { kNone, kFirst, kAll, kAllPatterns };

ChannelArguments ChannelsOf(CommandId id) {
  static const auto by_id = [] {
    std::array<ChannelArguments, kAclCommandBits> all{};
    const auto set = [&](std::string_view name, ChannelArguments channels) {
      all[IdOf(*FindCommand(name))] = channels;
    };
    set("publish", ChannelArguments::kFirst);
    set("spublish", ChannelArguments::kFirst);
    set("subscribe", ChannelArguments::kAll);
    set("ssubscribe", ChannelArguments::kAll);
    set("psubscribe", ChannelArguments::kAllPatterns);
    return all;
  }();
  return by_id[id];
}

std::uint8_t AccessOf(FlagSet<KeyFlag> flags) {
  std::uint8_t access = 0;
  if (flags.Has(KeyFlag::kAccess)) access |= kAclRead;
  if ((flags.bits & (KeyFlag::kInsert | KeyFlag::kDelete | KeyFlag::kUpdate).bits) != 0) {
    access |= kAclWrite;
  }
  return access;
}

// A request, looked at by one selector after the other.
class Request {
 public:
  Request(const CommandSpec& spec, Args args, std::vector<KeyPosition>& keys)
      : spec_(spec), args_(args), keys_(keys), id_(IdOf(spec)) {}

  AclVerdict Check(const AclSelector& selector) {
    if (!AllowsCommand(selector.Commands())) return {AclDenial::kCommand};
    if (!selector.AllowsAllKeys() && MayHideKeys()) return {AclDenial::kKey};
    if (!selector.AllowsAllKeys() && !spec_.key_specs.empty()) {
      FindKeys();
      if (IsLearned(id_) && !are_keys_sound_) return {AclDenial::kKey};
      for (const KeyPosition& key : keys_) {
        if (!selector.AllowsKey(args_[key.index], AccessOf(key.flags))) {
          return {AclDenial::kKey, key.index};
        }
      }
    }
    return selector.AllowsAllChannels() ? AclVerdict{} : CheckChannels(selector);
  }

 private:
  bool AllowsCommand(const AclCommandSet& commands) const {
    return commands.Allows(id_) || spec_.flags.Has(CommandFlag::kNoAuth) ||
           commands.AllowsByArgument(id_, args_);
  }

  AclVerdict CheckChannels(const AclSelector& selector) const {
    const ChannelArguments channels = ChannelsOf(id_);
    if (channels == ChannelArguments::kNone) return {};
    const std::size_t end = channels == ChannelArguments::kFirst ? 2 : args_.size();
    for (std::size_t i = 1; i < std::min(end, args_.size()); ++i) {
      if (!selector.AllowsChannel(args_[i], channels == ChannelArguments::kAllPatterns)) {
        return {AclDenial::kChannel, static_cast<std::uint32_t>(i)};
      }
    }
    return {};
  }

  // What a command of a module touches nobody can say, unless its server has said where all keys
  // are.
  bool MayHideKeys() const {
    return IsLearned(id_) && (spec_.key_specs.empty() ||
                              std::ranges::any_of(spec_.key_specs, [](const KeySpec& keys) {
                                return keys.flags.Has(KeyFlag::kIncomplete);
                              }));
  }

  void FindKeys() {
    if (has_keys_) return;
    has_keys_ = true;
    if (HasOneFixedKey()) [[likely]] {
      keys_.assign(
          1, {static_cast<std::uint32_t>(spec_.fixed_first_key), spec_.key_specs.front().flags});
    } else if (IsPlainSet()) [[likely]] {
      keys_.assign(1, {1, KeyFlag::kOverwrite | KeyFlag::kUpdate});
    } else {
      are_keys_sound_ = ExtractKeys(spec_, args_, keys_) == KeyExtractionError::kNone;
    }
  }

  // What the extraction would find, sooner.
  bool HasOneFixedKey() const {
    return spec_.fixed_first_key > 0 && spec_.key_finder == KeyFinder::kSpecs &&
           spec_.key_specs.size() == 1 && spec_.key_specs.front().last_key == 0 &&
           static_cast<std::size_t>(spec_.fixed_first_key) < args_.size();
  }

  // SET without options reads nothing.
  bool IsPlainSet() const { return spec_.key_finder == KeyFinder::kSet && args_.size() == 3; }

  const CommandSpec& spec_;
  Args args_;
  std::vector<KeyPosition>& keys_;
  CommandId id_;
  bool has_keys_ = false;
  bool are_keys_sound_ = true;
};

// The denial that says most: the furthest, and of these the last argument.
bool SaysMore(const AclVerdict& a, const AclVerdict& b) {
  return a.denial > b.denial || (a.denial == b.denial && a.index > b.index);
}

}  // namespace

AclVerdict CheckAcl(const AclUser& user, const CommandSpec& spec, Args args,
                    std::vector<KeyPosition>& keys) {
  Request request(spec, args, keys);
  AclVerdict denied;
  for (const AclSelector& selector : user.Selectors()) {
    const AclVerdict verdict = request.Check(selector);
    if (verdict.IsAllowed()) return verdict;
    if (SaysMore(verdict, denied)) denied = verdict;
  }
  return denied;
}

bool MayReadAllKeys(const AclUser& user, const CommandSpec& spec, Args args,
                    std::vector<KeyPosition>& keys) {
  Request request(spec, args, keys);
  return std::ranges::any_of(user.Selectors(), [&](const AclSelector& selector) {
    return selector.AllowsReadingAllKeys() && request.Check(selector).IsAllowed();
  });
}

bool MayListen(const AclUser& user, std::string_view channel, bool is_pattern) {
  return std::ranges::any_of(user.Selectors(), [&](const AclSelector& selector) {
    return selector.AllowsChannel(channel, is_pattern);
  });
}

}  // namespace slotway::protocol
