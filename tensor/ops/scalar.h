// Scalar ops: value and slope side by side, one definition for every type and device.
//
// A functor is written over A = float, double or a Vec of them; `where` instead of branches, camo::exp and camo::erf
// (tensor/vec_math.h) instead of libm.  f(x) is the value, df(x, y) the slope.  A binary functor has f(a, b),
// da(a, b, y) and db(a, b, y).  To add one: write it here, name it in the list at the end, declare its Var
// function in autograd/ops.h, add its case in tests/ops/elementwise.cpp.
#pragma once
