"""What the tests share: charts, small servers, callers, and data of made-up hospitals."""
