void OrderedSum::arrive(int i, float g) {
  waiting[i] = g;
  for (auto first = waiting.begin(); first != waiting.end() && first->first == next; first = waiting.erase(first))
    total += first->second, ++next;
}
