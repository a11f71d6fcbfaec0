Paper on_paper() {
  return {
      .a = 54, .b = 54, .p = 18, .s = 18, .y = 1, .visit_a = 5, .visit_b = 4, .visit_p = 3, .visit_s = 2, .visit_y = 1};
}
