// SPDX-License-Identifier: Apache-2.0
// What a call that can fail returns: a value, or an error with a text for people.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace slotway::runtime {

struct Error {
  std::string text;
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> Fail(std::string text) {
  return tl::unexpected<Error>(Error{std::move(text)});
}

}  // namespace slotway::runtime
