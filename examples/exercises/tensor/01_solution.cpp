Holds predicted() {
  // d is rows 1 and 2 of a, numbers 3 to 8; e begins at number 3, and h is numbers 0 to 3.
  return {.b = true, .c = false, .d = true, .e = true, .f = false, .g = true, .h = true};
}
