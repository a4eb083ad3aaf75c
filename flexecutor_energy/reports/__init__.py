"""What a plan, its profiles, predictors and runs look like: pictures, pages and files."""
