// SPDX-License-Identifier: Apache-2.0
// What commands have changed of the users that settings name, as a text that outlives both.
//
//   9a3b5c6d7e8f9012 user alice on #... ~* &* +@all     what she is now
//   - gone bob                                          he was removed
// The first word is a digest of the line that the settings had for the user when it was changed, `-`
// if none: a change holds until they say something new about its user. Pure; one thread at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/acl_users.h"

namespace slotway::protocol {

AclUsers CopyOf(const AclUsers& users, const AclContext& context);

class AclChanges {
 public:
  // Nothing if it is no such text. Lines of rules are not looked into.
  static std::optional<AclChanges> Parse(std::string_view text);
  std::string Text() const;

  // The users of the settings, changed. A user whose rules cannot be read, as a newer version may
  // have some that this one does not know, is not there.
  AclUsers Over(const AclUsers& settings, const AclContext& context) const;
  // Takes over what is different between the users `before` and `after` a command. REQUIRES: before
  // is Over(settings).
  void Note(const AclUsers& settings, const AclUsers& before, const AclUsers& after);

 private:
  struct Change {
    std::string base;                 // the first word
    std::optional<std::string> line;  // "user ..."; nothing: gone
  };
  std::map<std::string, Change, std::less<>> changes_;  // by name
};

}  // namespace slotway::protocol
