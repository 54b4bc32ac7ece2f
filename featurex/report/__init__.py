"""What a comparison leaves in its folder, and the page that is made of it."""
