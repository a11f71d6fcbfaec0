// The names of an enum's values stand beside the enum, once; configurations, help and messages are made of them.
//
//   enum class Shade { light, dark };
//   constexpr auto names_of(Shade) { return std::array{"light", "dark"}; }   // in the order of the values
#pragma once

#include <array>
#include <cstddef>

namespace camo {

/// "dark" for Shade::dark.
template <class E> constexpr const char* name_of(E value) { return names_of(value)[size_t(value)]; }

}  // namespace camo
