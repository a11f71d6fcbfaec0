// The names of an enum's values are defined beside the enum; configurations, help and messages use them.
//
//   enum class Shade { light, dark };
//   constexpr auto names_of(Shade) { return std::array{"light", "dark"}; }   // in the order of the values
#pragma once

#include <array>
#include <cstddef>

namespace camo {

/// The name of a value: "dark" for Shade::dark.
template <class E> constexpr const char* name_of(E value) { return names_of(value)[size_t(value)]; }

}  // namespace camo
